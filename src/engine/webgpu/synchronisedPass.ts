import { LabError } from "@/contracts/failure";
import type { Synchroniser } from "@/engine/synchroniser";
import { loneValue } from "./batch";
import { moveRunning } from "./kernels/normShared";
import type { PlacedNorm } from "./layout";
import { type Holdings, writePermanent } from "./permanents";
import type { PlannedDispatch } from "./plan";
import { PreparedPrograms, type Ready } from "./preparedPrograms";
import { Program } from "./program";
import type { TrainingPlan } from "./trainingPlan";

/**
 * Runs training passes by the statistics of all replicas: the device stops at each BatchNorm, forwards and backwards, its
 * statistics are read, exchanged and written back, and it goes on.
 */
export class SynchronisedPass {
  private readonly holdings: Holdings;
  private readonly makePlan: (images: number) => TrainingPlan;
  /** Their own: the tensors of such a pass live otherwise than those of one that runs through. */
  private readonly programs: PreparedPrograms<TrainingPlan>;
  private readonly staging: GPUBuffer;
  private readonly mover: Program;
  /** Of the last batch, as the running statistics lie on the device: means, and variances by M/(M−1). */
  private moments: Float32Array<ArrayBuffer> | null = null;

  private constructor(
    holdings: Holdings,
    makePlan: (images: number) => TrainingPlan,
    staging: GPUBuffer,
    mover: Program,
  ) {
    this.holdings = holdings;
    this.makePlan = makePlan;
    this.programs = new PreparedPrograms(holdings.lab, holdings.held, holdings.permanents);
    this.staging = staging;
    this.mover = mover;
  }

  /** `makePlan`: a plan that stops. Throws as `DeviceMemory.allocate` does, and `engine/kernel`. */
  static async create(
    holdings: Holdings,
    makePlan: (images: number) => TrainingPlan,
  ): Promise<SynchronisedPass> {
    const { lab, held, layout, permanents } = holdings;
    const mostFloats = Math.max(0, ...[...layout.norms.values()].map(({ padded }) => 2 * padded));
    const [staging] = await held.allocate([
      {
        label: "statistics readback",
        bytes: 4 * mostFloats,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      },
    ]);
    const floats = layout.runningFloats;
    const move: PlannedDispatch = {
      label: "running statistics",
      kernel: moveRunning({ floats }, lab.target),
      bindings: [
        { kind: "permanent", name: "statistics", offset: 0, bytes: 4 * floats },
        { kind: "permanent", name: "running", offset: 0, bytes: 4 * floats },
      ],
    };
    const mover = await Program.create(lab, floats > 0 ? [move] : [], [], permanents);
    return new SynchronisedPass(holdings, makePlan, staging as GPUBuffer, mover);
  }

  /**
   * The program of a batch. Throws `engine/out-of-memory` where the images need more than one pass: the second would change the
   * first's statistics.
   */
  async ready(images: number): Promise<Ready<TrainingPlan>> {
    try {
      return await this.programs.ready(`${images}`, () => this.makePlan(images));
    } catch (error) {
      if (!(error instanceof LabError) || error.failure.code !== "engine/out-of-memory") throw error;
      throw new LabError(
        "engine/out-of-memory",
        `Synchronised BatchNorm needs a replica's ${images} images on the device at once: ${error.failure.message}`,
        "Use smaller batches, a smaller network, or local statistics.",
        { cause: error },
      );
    }
  }

  /** Queues a pass, the last of it still running when this resolves. Rejects as the synchroniser does; then no step is pending. */
  async run({ plan, program }: Ready<TrainingPlan>, synchroniser: Synchroniser): Promise<void> {
    const { lab, layout, permanents } = this.holdings;
    this.moments = null;
    const moments = new Float32Array(layout.runningFloats);
    for (const [segment, { kind, name, count }] of plan.exchanges.entries()) {
      const { runningOffset, padded } = layout.norms.get(name) as PlacedNorm;
      program.submitSegment(segment, (encoder) =>
        encoder.copyBufferToBuffer(permanents.statistics, 4 * runningOffset, this.staging, 0, 8 * padded),
      );
      const own = await this.read(2 * padded);
      const first = own.slice(0, padded);
      const second = own.slice(padded);
      const all = new Float32Array(2 * padded);
      if (kind === "moments") {
        const shared = await synchroniser.moments({ count, mean: first, variance: second });
        if (shared.count < 2) throw loneValue();
        all.set(shared.mean);
        all.set(shared.variance, padded);
        const unbiased = shared.count / (shared.count - 1);
        moments.set(shared.mean, runningOffset);
        moments.set(
          shared.variance.map((variance) => variance * unbiased),
          runningOffset + padded,
        );
      } else {
        const shared = await synchroniser.sums({ count, sum: first, product: second });
        all.set(shared.sum);
        all.set(shared.product, padded);
      }
      lab.device.queue.writeBuffer(permanents.statistics, 4 * runningOffset, all);
    }
    program.submitSegment(plan.exchanges.length);
    this.moments = moments;
  }

  /** Queues the running statistics' move by the last batch, once. False: there was none. */
  moveRunning(): boolean {
    if (!this.moments) return false;
    writePermanent(this.holdings, "statistics", this.moments);
    this.mover.submit();
    this.moments = null;
    return true;
  }

  /** The last batch moves nothing. */
  forget(): void {
    this.moments = null;
  }

  private async read(floats: number): Promise<Float64Array<ArrayBuffer>> {
    await this.staging.mapAsync(GPUMapMode.READ, 0, 4 * floats);
    const values = Float64Array.from(new Float32Array(this.staging.getMappedRange(0, 4 * floats)));
    this.staging.unmap();
    return values;
  }
}
