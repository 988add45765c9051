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
    const { prepared, buffers } = await this.withRoomFor(plan);
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

  /** Its buffers are still there: no plan that came later needed larger ones. */
  holds({ buffers: [first] }: Ready<SomePlan>): boolean {
    return first === undefined || this.prepared?.slots.includes(first) === true;
  }

  private async withRoomFor(
    plan: SomePlan,
  ): Promise<{ readonly prepared: Prepared<SomePlan>; readonly buffers: readonly GPUBuffer[] }> {
    const known = this.prepared;
    const fitting = known && buffersIn(known, plan);
    if (fitting) return { prepared: known, buffers: fitting };
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
    const prepared = { plan, slots, programs: new Map<string, Ready<SomePlan>>() };
    this.prepared = prepared;
    return { prepared, buffers: plan.tensors.map(({ slot }) => slots[slot] as GPUBuffer) };
  }
}

/**
 * The buffer of each tensor, or null where they do not fit. Fewer images than the slots were made for have the same tensors, only
 * smaller, and go where those went; a plan whose tensors live otherwise (in another number of parts) keeps its own placement.
 */
function buffersIn<SomePlan extends Plan>(
  { plan: placed, slots }: Prepared<SomePlan>,
  plan: SomePlan,
): readonly GPUBuffer[] | null {
  for (const { tensors } of liveAlike(plan, placed) ? [placed, plan] : [plan]) {
    const buffers = tensors.map(({ slot }) => slots[slot]);
    if (plan.tensors.every(({ bytes }, index) => bytes <= (buffers[index]?.size ?? 0)))
      return buffers as GPUBuffer[];
  }
  return null;
}

/** Where one plan's tensors share slots, the other's may. */
function liveAlike(one: Plan, other: Plan): boolean {
  return (
    one.tensors.length === other.tensors.length &&
    one.tensors.every(({ first, last }, index) => {
      const tensor = other.tensors[index];
      return first === tensor?.first && last === tensor.last;
    })
  );
}
