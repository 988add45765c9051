import type { LabDevice } from "./device";
import type { DeviceMemory } from "./memory";
import type { Permanents } from "./permanents";
import type { Plan } from "./plan";
import { Program } from "./program";

/** A plan on the device: its buffers by tensor, and its dispatches compiled and bound. */
export interface Ready<SomePlan extends Plan> {
  readonly plan: SomePlan;
  readonly buffers: readonly GPUBuffer[];
  readonly program: Program;
}

/** Slots on the device, the plan that they were made for, and programs that use them. */
interface Prepared<SomePlan extends Plan> {
  readonly plan: SomePlan;
  readonly slots: readonly GPUBuffer[];
  readonly programs: Map<string, Ready<SomePlan>>;
}

/** Programs kept besides the one used last: batches come in few sizes. */
const KEPT_PROGRAMS = 8;

/** The programs of one kind of plan, by key. They share buffers, which grow where a plan needs more. */
export class PreparedPrograms<SomePlan extends Plan> {
  private readonly lab: LabDevice;
  private readonly held: DeviceMemory;
  private readonly permanents: Permanents;
  private prepared: Prepared<SomePlan> | null = null;

  constructor(lab: LabDevice, held: DeviceMemory, permanents: Permanents) {
    this.lab = lab;
    this.held = held;
    this.permanents = permanents;
  }

  /** The program of the plan that `make` gives for `key`. Throws `engine/out-of-memory` (and holds nothing then), `engine/kernel`. */
  async ready(key: string, make: () => SomePlan): Promise<Ready<SomePlan>> {
    const known = this.prepared?.programs.get(key);
    if (known) return known;
    const plan = make();
    const prepared = await this.withRoomFor(plan);
    const slotOf = slotsOf(plan, prepared);
    const buffers = slotOf.map((slot) => prepared.slots[slot] as GPUBuffer);
    const { dispatches, stops } = plan;
    const program = await Program.create(this.lab, dispatches, buffers, this.permanents, stops);
    const ready = { plan, buffers, program };
    if (prepared.programs.size >= KEPT_PROGRAMS) {
      const [oldest] = prepared.programs.keys();
      if (oldest !== undefined) prepared.programs.delete(oldest);
    }
    prepared.programs.set(key, ready);
    return ready;
  }

  private async withRoomFor(plan: SomePlan): Promise<Prepared<SomePlan>> {
    const known = this.prepared;
    if (known && fits(plan, known)) return known;
    // Forgotten while it is freed: an allocation that fails leaves nothing half made.
    this.prepared = null;
    for (const slot of known?.slots ?? []) this.held.free(slot);
    const wanted = Array.from({ length: Math.max(plan.slots.length, known?.slots.length ?? 0) }, (_, index) =>
      Math.max(plan.slots[index] ?? 0, known?.slots[index]?.size ?? 0),
    );
    const slots = await this.held.allocate(
      wanted.map((bytes, index) => ({
        label: `slot ${index}`,
        bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      })),
    );
    this.prepared = { plan, slots, programs: new Map() };
    return this.prepared;
  }
}

/**
 * The slot of each tensor. Fewer images than the slots were made for have the same tensors, only smaller, and go where those
 * went; a plan of other tensors (its features lie in another number of parts) keeps its own placement.
 */
function slotsOf<SomePlan extends Plan>(plan: SomePlan, prepared: Prepared<SomePlan>): readonly number[] {
  const placed = plan.tensors.length === prepared.plan.tensors.length ? prepared.plan : plan;
  return placed.tensors.map(({ slot }) => slot);
}

function fits<SomePlan extends Plan>(plan: SomePlan, prepared: Prepared<SomePlan>): boolean {
  const slotOf = slotsOf(plan, prepared);
  return plan.tensors.every(
    ({ bytes }, index) => bytes <= (prepared.slots[slotOf[index] as number]?.size ?? 0),
  );
}
