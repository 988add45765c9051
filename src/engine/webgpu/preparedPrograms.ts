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

/** A plan's slots on the device, and programs by number of images that fit them. */
interface Prepared<SomePlan extends Plan> {
  readonly images: number;
  readonly slots: readonly GPUBuffer[];
  readonly programs: Map<number, Ready<SomePlan>>;
}

/** Programs kept for smaller numbers of images than the largest seen. */
const KEPT_PROGRAMS = 4;

/** The programs of one kind of plan by number of images. Buffers are made for the largest number seen; smaller ones use the same. */
export class PreparedPrograms<SomePlan extends Plan> {
  private readonly lab: LabDevice;
  private readonly held: DeviceMemory;
  private readonly permanents: Permanents;
  private readonly make: (images: number) => SomePlan;
  private prepared: Prepared<SomePlan> | null = null;

  constructor(
    lab: LabDevice,
    held: DeviceMemory,
    permanents: Permanents,
    make: (images: number) => SomePlan,
  ) {
    this.lab = lab;
    this.held = held;
    this.permanents = permanents;
    this.make = make;
  }

  /** Throws `engine/out-of-memory`, `engine/kernel`. */
  async ready(images: number): Promise<Ready<SomePlan>> {
    const known = this.prepared;
    // Forgotten while it may be freed: an allocation that fails leaves nothing half made.
    this.prepared = null;
    this.prepared = await this.withSlots(known, images);
    return this.programOf(this.prepared, images);
  }

  /** Frees the buffers; the next call makes them anew. */
  forget(): void {
    for (const slot of this.prepared?.slots ?? []) this.held.free(slot);
    this.prepared = null;
  }

  /** Slots that hold `images`; those of a smaller number are freed first. */
  private async withSlots(known: Prepared<SomePlan> | null, images: number): Promise<Prepared<SomePlan>> {
    if (known && known.images >= images) return known;
    for (const slot of known?.slots ?? []) this.held.free(slot);
    const slots = await this.held.allocate(
      this.make(images).slots.map((bytes, index) => ({
        label: `slot ${index}`,
        bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      })),
    );
    return { images, slots, programs: new Map() };
  }

  private async programOf(prepared: Prepared<SomePlan>, images: number): Promise<Ready<SomePlan>> {
    const known = prepared.programs.get(images);
    if (known) return known;
    const plan = this.make(images);
    // Fewer images than the slots are made for: the same tensors in the order of the larger plan's slots.
    const slotOf = images === prepared.images ? plan : this.make(prepared.images);
    const buffers = plan.tensors.map(
      (_, index) => prepared.slots[slotOf.tensors[index]?.slot ?? 0] as GPUBuffer,
    );
    const program = await Program.create(this.lab, plan.dispatches, buffers, this.permanents);
    const ready = { plan, buffers, program };
    if (prepared.programs.size >= KEPT_PROGRAMS) {
      const [oldest] = prepared.programs.keys();
      if (oldest !== undefined) prepared.programs.delete(oldest);
    }
    prepared.programs.set(images, ready);
    return ready;
  }
}
