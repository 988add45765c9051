import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import { deviceLost } from "./deviceLoss";

/** Times passes: by timestamps where the device has them, else by the wall clock around the submission. */
export class Stopwatch {
  /** The shortest time that is known to a few percent: timestamps are quantised to 65 µs, a submission's overhead is under 1 ms. */
  readonly shortestMs: number;
  /** Error of one time. */
  readonly resolutionMs: number;
  private static lastMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds since the last pass of any stopwatch of this thread ended. */
  static idleMs(): number {
    return performance.now() - Stopwatch.lastMs;
  }

  private readonly lab: LabDevice;
  private readonly stamps: {
    readonly queries: GPUQuerySet;
    readonly resolved: GPUBuffer;
    readonly staging: GPUBuffer;
  } | null;

  constructor(lab: LabDevice) {
    const { device } = lab;
    this.lab = lab;
    this.stamps = device.features.has("timestamp-query")
      ? {
          queries: device.createQuerySet({ label: "stopwatch", type: "timestamp", count: 2 }),
          resolved: device.createBuffer({
            label: "stopwatch",
            size: 16,
            usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
          }),
          staging: device.createBuffer({
            label: "stopwatch readback",
            size: 16,
            usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
          }),
        }
      : null;
    this.shortestMs = this.stamps ? 2 : 20;
    this.resolutionMs = this.stamps ? 0.2 : 2;
  }

  /**
   * Runs what `encode` puts into a pass and waits for it. `ms`: the pass on the device, or `wallMs` where that cannot be
   * told. Throws `engine/kernel` for a command that is not valid, `engine/device-lost`.
   */
  async time(
    label: string,
    encode: (pass: GPUComputePassEncoder) => void,
  ): Promise<{ readonly ms: number; readonly wallMs: number }> {
    const { lab, stamps } = this;
    const { device } = lab;
    if (lab.lost !== null) throw deviceLost(lab.lost);
    device.pushErrorScope("validation");
    const encoder = device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({
      label,
      ...(stamps && {
        timestampWrites: {
          querySet: stamps.queries,
          beginningOfPassWriteIndex: 0,
          endOfPassWriteIndex: 1,
        },
      }),
    });
    encode(pass);
    pass.end();
    if (stamps) {
      encoder.resolveQuerySet(stamps.queries, 0, 2, stamps.resolved, 0);
      encoder.copyBufferToBuffer(stamps.resolved, 0, stamps.staging, 0, 16);
    }
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    const invalid = device.popErrorScope();
    await (stamps ? stamps.staging.mapAsync(GPUMapMode.READ) : device.queue.onSubmittedWorkDone()).catch(
      (error: unknown) => lossInstead(lab, error),
    );
    Stopwatch.lastMs = performance.now();
    const wallMs = Stopwatch.lastMs - start;
    let ms = wallMs;
    if (stamps) {
      const [begin = 0n, end = 0n] = new BigInt64Array(stamps.staging.getMappedRange());
      ms = Number(end - begin) / 1e6;
      stamps.staging.unmap();
    }
    const error = await invalid;
    if (error)
      throw new LabError(
        "engine/kernel",
        `${label} cannot run on this device: ${error.message}`,
        "Choose another engine and report this message.",
      );
    if (lab.lost !== null) throw deviceLost(lab.lost);
    return { ms, wallMs };
  }

  free(): void {
    this.stamps?.queries.destroy();
    this.stamps?.resolved.destroy();
    this.stamps?.staging.destroy();
  }
}

const LOSS_WAIT_MS = 100;

/** Throws what an error means: the device's loss, which says so a turn after what it made fail, or the error itself. */
async function lossInstead({ device }: LabDevice, error: unknown): Promise<never> {
  const later = new Promise<null>((resolve) => setTimeout(() => resolve(null), LOSS_WAIT_MS));
  const lost = await Promise.race([device.lost.then(({ message, reason }) => message || reason), later]);
  throw lost === null ? error : deviceLost(lost);
}
