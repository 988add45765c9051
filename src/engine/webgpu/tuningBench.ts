import { LabError } from "@/contracts/failure";
import type { LabDevice } from "./device";
import type { Access, Binding, Kernel, PartialKernel } from "./kernels/kernel";
import { DIFFERENCE_FLOATS, difference, noiseFill, type Words } from "./kernels/scratch";
import { sumSplits } from "./kernels/sumSplits";
import { DeviceMemory } from "./memory";
import { constantsEntries, pipelineOf } from "./pipelines";
import { type Plan, type PlannedDispatch, packedIndexOf } from "./plan";
import { Stopwatch } from "./stopwatch";
import { type Bench, type Candidate, holdsHalves } from "./tuningSearch";

/** Arithmetic that any device does in well under a second: where an estimate begins. */
const FIRST_GPU_FLOPS = 1e9;
const FIRST_SOFTWARE_FLOPS = 5e7;
/** A part of a dispatch that takes this share of the limit tells enough. */
const TELLING = 1 / 8;
/** Timed runs behind the warm-up. */
const RUNS = 5;
/** Dispatches of one run at most, and wall time that is enough whatever the timestamps say. */
const MOST_REPEATS = 1024;
const ENOUGH_WALL_MS = 40;

/** A card that had nothing to do for so long has lower clocks; so long it needs to raise them. */
const ASLEEP_MS = 30;
const WAKE_MS = 400;
/** Work that keeps it awake, and about how long one piece of it takes. */
const CHORE_BYTES = 1 << 24;
const CHORE_MS = 4;

/** A pipeline with its bind group. */
interface Bound {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

/** A result as it is compared: what candidates write, and what the first of them wrote. */
interface Compared {
  readonly words: Words;
  readonly result: GPUBuffer;
  readonly reference: GPUBuffer;
  readonly seed: number;
}

/** What callers bind where a kernel has `packed`. */
const WEIGHTS: Binding = { name: "weights", access: "read", element: "vec4f" };

/** The partial sums that a kernel leaves have as many copies as its variant likes. */
const PARTIALS = "partials";

/** Throws `engine/out-of-memory` when its buffers do not fit beside what is there. */
export async function openDeviceBench(
  lab: LabDevice,
  dispatch: PlannedDispatch,
  plan: Plan,
): Promise<DeviceBench> {
  const bench = new DeviceBench(lab);
  try {
    await bench.lay(dispatch, plan);
    return bench;
  } catch (error) {
    bench.free();
    throw error;
  }
}

export class DeviceBench implements Bench {
  readonly lab: LabDevice;
  readonly stopwatch: Stopwatch;
  readonly memory: DeviceMemory;
  /** By binding; null for partial sums. */
  private inputs: readonly (GPUBuffer | null)[] = [];
  private readonly compared: Compared[] = [];
  private sums: GPUBuffer | null = null;
  private partialFloats = 0;
  private hasReference = false;
  private chore: Bound | null = null;
  private choreRuns = 1;

  constructor(lab: LabDevice) {
    this.lab = lab;
    this.stopwatch = new Stopwatch(lab);
    this.memory = new DeviceMemory(lab);
  }

  get resolutionMs(): number {
    return this.stopwatch.resolutionMs;
  }

  /** Makes and fills the buffers of a dispatch. */
  async lay({ kernel, bindings, weights }: PlannedDispatch, plan: Plan): Promise<void> {
    const inputs: (GPUBuffer | null)[] = [];
    for (const [index, planned] of kernel.bindings.entries()) {
      // Candidates that pack weights do so each for itself.
      const isPacked = kernel.prelude !== undefined && index === packedIndexOf(kernel);
      const binding = isPacked ? WEIGHTS : planned;
      const target = isPacked ? weights : bindings[index];
      if (!target) throw new Error(`${kernel.label}: binding ${index} is not planned`);
      if (isPartial(kernel) && binding.name === PARTIALS) {
        inputs.push(null);
        this.partialFloats = kernel.partialFloats;
        this.sums = await this.comparable("floats", 4 * kernel.partialFloats, index);
        continue;
      }
      const bytes = target.kind === "tensor" ? (plan.tensors[target.tensor]?.bytes ?? 0) : target.bytes;
      const words = holdsHalves(binding) ? "halves" : "floats";
      if (binding.access === "readWrite") inputs.push(await this.comparable(words, bytes, index));
      else {
        const buffer = await this.buffer(`${kernel.label}/${binding.name}`, bytes, binding.access);
        await this.fill(buffer, words, index);
        inputs.push(buffer);
      }
    }
    this.inputs = inputs;
  }

  async prepare(kernel: Kernel): Promise<Candidate> {
    const candidate = new DeviceCandidate(this, kernel);
    try {
      await this.keepAwake(pipelineOf(this.lab, kernel));
      await candidate.prepare(this.inputs);
      return candidate;
    } catch (error) {
      candidate.free();
      throw error;
    }
  }

  /**
   * Keeps a graphics card at work while a pipeline compiles. Cards lower their clocks within milliseconds of idleness and take
   * some tenths of a second to raise them again: on an H100, candidates timed behind a compilation came out 1.7 to 3 times slower.
   */
  private async keepAwake(compiled: Promise<unknown>): Promise<void> {
    if (this.lab.target.software) return;
    let isDone = false;
    const done = compiled.then(
      () => undefined,
      // The caller's own wait for the pipeline tells.
      () => undefined,
    );
    void done.then(() => {
      isDone = true;
    });
    const wakeUntilMs = performance.now() + (Stopwatch.idleMs() > ASLEEP_MS ? WAKE_MS : 0);
    while (!isDone || performance.now() < wakeUntilMs) await this.work();
    await done;
  }

  /** Some milliseconds of work for the device. */
  private async work(): Promise<void> {
    this.chore ??= await this.bind(noiseFill("floats", 0), [await this.buffer("chore", CHORE_BYTES)]);
    const { chore } = this;
    const { ms } = await this.stopwatch.time("chore", (pass) => {
      for (let i = 0; i < this.choreRuns; i++) run(pass, chore);
    });
    if (ms < CHORE_MS) this.choreRuns = Math.min(MOST_REPEATS, 2 * this.choreRuns);
  }

  free(): void {
    this.memory.freeAll();
    this.stopwatch.free();
  }

  buffer(label: string, bytes: number, access: Access = "readWrite"): Promise<GPUBuffer> {
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const uniform = access === "uniform" ? UNIFORM : 0;
    return this.allocate(label, bytes, STORAGE | uniform | COPY_SRC | COPY_DST);
  }

  async bind(kernel: Kernel, buffers: readonly GPUBuffer[]): Promise<Bound> {
    const { device } = this.lab;
    const pipeline = await pipelineOf(this.lab, kernel);
    device.pushErrorScope("validation");
    const group = device.createBindGroup({
      label: kernel.label,
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        ...buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
        ...constantsEntries(this.lab, kernel),
      ],
    });
    const invalid = await device.popErrorScope();
    if (invalid)
      throw new LabError(
        "engine/kernel",
        `The bindings of ${kernel.label} are not valid on this device: ${invalid.message}`,
        "Choose another engine and report this message.",
      );
    return { kernel, pipeline, group };
  }

  async fill(buffer: GPUBuffer, words: Words, seed: number): Promise<void> {
    const bound = await this.bind(noiseFill(words, seed), [buffer]);
    await this.stopwatch.time("noise", (pass) => run(pass, bound));
  }

  /** Buffer of the sums of partial results; throws `engine/wrong-result` for a variant that has others. */
  sumsFor({ label, partialFloats }: PartialKernel): GPUBuffer {
    if (this.sums && this.partialFloats === partialFloats) return this.sums;
    throw new LabError(
      "engine/wrong-result",
      `${label} has partial sums of ${partialFloats} numbers here and ${this.partialFloats} in the default.`,
      "It is not used on this device; report this message.",
    );
  }

  /** What candidates write is filled anew, so that nothing of another's result is left. */
  async clearResults(): Promise<void> {
    for (const { result, words, seed } of this.compared) await this.fill(result, words, seed);
  }

  /** Keeps the first candidate's results, and gives the largest deviation of any other's. */
  async deviation(): Promise<number> {
    if (this.hasReference) {
      let largest = 0;
      for (const each of this.compared) largest = Math.max(largest, await this.deviationOf(each));
      return largest;
    }
    const encoder = this.lab.device.createCommandEncoder({ label: "reference" });
    for (const { result, reference } of this.compared)
      encoder.copyBufferToBuffer(result, 0, reference, 0, result.size);
    this.lab.device.queue.submit([encoder.finish()]);
    this.hasReference = true;
    return 0;
  }

  private async comparable(words: Words, bytes: number, seed: number): Promise<GPUBuffer> {
    const result = await this.buffer("result", bytes);
    const reference = await this.buffer("reference", bytes);
    this.compared.push({ words, result, reference, seed });
    return result;
  }

  private async deviationOf({ words, result, reference }: Compared): Promise<number> {
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const differences = await this.buffer("differences", 4 * DIFFERENCE_FLOATS);
    const staging = await this.allocate("differences", 4 * DIFFERENCE_FLOATS, MAP_READ | COPY_DST);
    try {
      const bound = await this.bind(difference(words), [reference, result, differences]);
      await this.stopwatch.time("difference", (pass) => run(pass, bound));
      const encoder = this.lab.device.createCommandEncoder({ label: "differences" });
      encoder.copyBufferToBuffer(differences, 0, staging, 0, 4 * DIFFERENCE_FLOATS);
      this.lab.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      return deviationIn(new Float32Array(staging.getMappedRange()));
    } finally {
      this.memory.free(differences);
      this.memory.free(staging);
    }
  }

  private async allocate(label: string, bytes: number, usage: GPUBufferUsageFlags): Promise<GPUBuffer> {
    const [buffer] = await this.memory.allocate([{ label, bytes, usage }]);
    return buffer as GPUBuffer;
  }
}

class DeviceCandidate implements Candidate {
  private readonly bench: DeviceBench;
  private readonly kernel: Kernel;
  /** The prelude where there is one, the kernel, and the second pass of one that leaves partial sums. */
  private passes: readonly Bound[] = [];
  private partials: GPUBuffer | null = null;
  private packed: GPUBuffer | null = null;

  constructor(bench: DeviceBench, kernel: Kernel) {
    this.bench = bench;
    this.kernel = kernel;
  }

  /** Compiles, and runs a workgroup of each pass: some drivers compile at the first dispatch. */
  async prepare(inputs: readonly (GPUBuffer | null)[]): Promise<void> {
    const { bench, kernel } = this;
    const { prelude } = kernel;
    if (isPartial(kernel)) {
      const { splits, partialFloats } = kernel;
      const sums = bench.sumsFor(kernel);
      const partials = await bench.buffer(PARTIALS, 4 * splits * partialFloats);
      this.partials = partials;
      const rows = { taps: 1, channels: 1, firstChannel: 0, inChannels: 1, rowFloats: partialFloats };
      const second = sumSplits(
        { splits, partialFloats, ...rows, bias: false, accumulate: false },
        bench.lab.target,
      );
      this.passes = [
        await bench.bind(
          kernel,
          inputs.map((input) => input ?? partials),
        ),
        await bench.bind(second, [partials, sums]),
      ];
    } else {
      const given = inputs.filter((input) => input !== null);
      const first: Bound[] = [];
      if (prelude) {
        const index = packedIndexOf(kernel);
        const weights = given[index] as GPUBuffer;
        const packed = await bench.buffer("packed", prelude.bytes);
        this.packed = packed;
        first.push(await bench.bind(prelude.kernel, [weights, packed]));
        given[index] = packed;
      }
      this.passes = [...first, await bench.bind(kernel, given)];
    }
    await this.time((pass) => {
      for (const bound of this.passes) run(pass, bound, [1, 1, 1]);
    });
  }

  async estimateMs(limitMs: number): Promise<number> {
    const { software } = this.bench.lab.target;
    const { flops, workgroups } = this.kernel;
    for (let share = (software ? FIRST_SOFTWARE_FLOPS : FIRST_GPU_FLOPS) / flops; ; share *= 4) {
      const part = partOf(workgroups, share);
      const { ms } = await this.time((pass) => {
        for (const bound of this.passes) if (bound.kernel === this.kernel) run(pass, bound, part.workgroups);
      });
      const estimate = ms / part.share;
      if (part.share === 1 || estimate <= limitMs || ms >= TELLING * limitMs) return estimate;
    }
  }

  async compute(): Promise<{ readonly ms: number; readonly deviation: number }> {
    await this.bench.clearResults();
    if (this.partials) await this.bench.fill(this.partials, "floats", 0);
    const { ms } = await this.dispatch(1);
    return { ms, deviation: await this.bench.deviation() };
  }

  async timeMs(): Promise<number> {
    const { shortestMs } = this.bench.stopwatch;
    let repeats = 1;
    for (;;) {
      const { ms, wallMs } = await this.dispatch(repeats);
      if (ms >= shortestMs || wallMs >= ENOUGH_WALL_MS || repeats >= MOST_REPEATS) break;
      // A fifth more than needed, so that the next one suffices; twice where the clock has not moved.
      const wanted = Math.ceil(1.2 * repeats * (shortestMs / Math.max(ms, shortestMs / 16)));
      repeats = Math.min(MOST_REPEATS, Math.max(2 * repeats, wanted));
    }
    const times: number[] = [];
    for (let i = 0; i < RUNS; i++) times.push((await this.dispatch(repeats)).ms / repeats);
    return times.sort((a, b) => a - b)[RUNS >> 1] as number;
  }

  free(): void {
    if (this.partials) this.bench.memory.free(this.partials);
    if (this.packed) this.bench.memory.free(this.packed);
  }

  private dispatch(repeats: number): Promise<{ readonly ms: number; readonly wallMs: number }> {
    return this.time((pass) => {
      for (let i = 0; i < repeats; i++) for (const bound of this.passes) run(pass, bound);
    });
  }

  private time(
    encode: (pass: GPUComputePassEncoder) => void,
  ): Promise<{ readonly ms: number; readonly wallMs: number }> {
    return this.bench.stopwatch.time(this.kernel.label, encode);
  }
}

function run(pass: GPUComputePassEncoder, bound: Bound, workgroups = bound.kernel.workgroups): void {
  pass.setPipeline(bound.pipeline);
  pass.setBindGroup(0, bound.group);
  pass.dispatchWorkgroups(...workgroups);
}

function isPartial(kernel: Kernel): kernel is PartialKernel {
  return "splits" in kernel && "partialFloats" in kernel;
}

/** About this share of a dispatch's workgroups, at least one, and the share that it is. */
export function partOf(
  [x, y, z]: Kernel["workgroups"],
  share: number,
): { readonly workgroups: Kernel["workgroups"]; readonly share: number } {
  const wanted = Math.min(1, share) * x * y * z;
  const partX = Math.min(x, Math.max(1, Math.ceil(wanted / (y * z))));
  const partY = Math.min(y, Math.max(1, Math.ceil(wanted / (partX * z))));
  const partZ = Math.min(z, Math.max(1, Math.ceil(wanted / (partX * partY))));
  return { workgroups: [partX, partY, partZ], share: (partX * partY * partZ) / (x * y * z) };
}

/** From what `difference` left of every thread. */
export function deviationIn(differences: Float32Array): number {
  let largest = 0;
  let scale = 0;
  let odd = 0;
  for (let i = 0; i < differences.length; i += 4) {
    largest = Math.max(largest, differences[i] as number);
    scale = Math.max(scale, differences[i + 1] as number);
    odd += differences[i + 2] as number;
  }
  if (odd > 0) return Number.POSITIVE_INFINITY;
  return largest === 0 ? 0 : largest / scale;
}
