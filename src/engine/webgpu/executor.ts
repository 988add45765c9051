import { LabError } from "@/contracts/failure";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { Batch, Executor, ExecutorInfo, ExecutorOptions } from "@/engine/executor";
import { checkStateDict } from "@/model/stateDict";
import { deviceLost, type LabDevice } from "./device";
import { type InferencePlan, planInference } from "./inferencePlan";
import { adam } from "./kernels/adam";
import {
  assembleWeights,
  type Layout,
  layoutOf,
  packParameters,
  packRunning,
  unpackParameters,
} from "./layout";
import { type Lowered, lower } from "./lower";
import { DeviceMemory } from "./memory";
import { Network } from "./network";
import type { PermanentName, Plan } from "./plan";
import { type DispatchTime, type Permanents, Program } from "./program";
import { planTraining, type TrainingPlan } from "./trainingPlan";

/** Images that a forward pass takes at once, and the pixels that they may have together. */
const INFER_IMAGES = 16;
const INFER_PIXELS = 1 << 20;

/** A plan's slots on the device, and programs by number of images that fit them. */
interface Prepared<SomePlan extends Plan> {
  readonly images: number;
  readonly slots: readonly GPUBuffer[];
  readonly programs: Map<
    number,
    { readonly plan: SomePlan; readonly buffers: readonly GPUBuffer[]; readonly program: Program }
  >;
}

type Ready<SomePlan extends Plan> = {
  readonly plan: SomePlan;
  readonly buffers: readonly GPUBuffer[];
  readonly program: Program;
};

/** Programs kept for smaller numbers of images than the largest seen. */
const KEPT_PROGRAMS = 4;

export class WebgpuExecutor implements Executor {
  readonly info: ExecutorInfo;
  private readonly lab: LabDevice;
  private readonly options: ExecutorOptions;
  private readonly lowered: Lowered;
  private readonly layout: Layout;
  private readonly held: DeviceMemory;
  private readonly permanents: Permanents;
  private readonly readback: GPUBuffer;
  private readonly adam: Program;
  private training: Prepared<TrainingPlan> | null = null;
  private inference: Prepared<InferencePlan> | null = null;
  private readonly batchesTracked = new Map<string, number>();
  private adamSteps = 0;
  private hasGradients = false;
  /** Gradients came from outside: what no kernel writes must be cleared before the next backward pass. */
  private foreignGradients = false;
  private disposed = false;

  private constructor(
    lab: LabDevice,
    options: ExecutorOptions,
    lowered: Lowered,
    layout: Layout,
    held: DeviceMemory,
    permanents: Permanents,
    readback: GPUBuffer,
    adamProgram: Program,
  ) {
    this.lab = lab;
    this.options = options;
    this.lowered = lowered;
    this.layout = layout;
    this.held = held;
    this.permanents = permanents;
    this.readback = readback;
    this.adam = adamProgram;
    this.info = { engine: "webgpu", adapter: lab.adapter, features: lab.features, limits: lab.limits };
  }

  /** Throws `shape/…`, `weights/…`, `engine/unsupported`, `engine/out-of-memory`, `engine/kernel`. */
  static async create(lab: LabDevice, options: ExecutorOptions): Promise<WebgpuExecutor> {
    checkStateDict(options.graph, options.weights);
    const lowered = lower(options.graph, options.height, options.width);
    const layout = layoutOf(lowered);
    const held = new DeviceMemory(lab);
    try {
      const { permanents, readback } = await allocatePermanents(held, layout);
      const floats = layout.parameterFloats;
      const kernel = adam({ floats, ...options.adam }, lab.target);
      const whole = (name: PermanentName, bytes = 4 * floats) =>
        ({ kind: "permanent", name, offset: 0, bytes }) as const;
      const program = await Program.create(
        lab,
        [
          {
            label: "adam",
            kernel,
            bindings: [
              whole("gradients"),
              whole("parameters"),
              whole("firstMoments"),
              whole("secondMoments"),
              whole("adamStep", 16),
            ],
          },
        ],
        [],
        permanents,
      );
      const executor = new WebgpuExecutor(lab, options, lowered, layout, held, permanents, readback, program);
      executor.upload(options.weights);
      return executor;
    } catch (error) {
      held.freeAll();
      throw error;
    }
  }

  infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    return this.guarded(async () => {
      this.checkPixels(noisy, images);
      const pixels = this.options.height * this.options.width;
      const most = Math.max(1, Math.min(INFER_IMAGES, Math.floor(INFER_PIXELS / pixels)));
      const out = new Float32Array(images * pixels);
      for (let first = 0; first < images; first += most) {
        const count = Math.min(most, images - first);
        const { plan, buffers, program } = await this.readyInference(count);
        this.write(
          buffers[plan.noisy] as GPUBuffer,
          noisy.subarray(first * pixels, (first + count) * pixels),
        );
        program.submit();
        const output = await this.read(buffers[plan.output] as GPUBuffer, count * pixels);
        out.set(output, first * pixels);
      }
      return out;
    });
  }

  trainStep(batch: Batch, learningRate: number): Promise<number> {
    return this.guarded(async () => {
      await this.queueGradients(batch);
      this.queueAdam(learningRate);
      return this.readLoss();
    });
  }

  computeGradients(batch: Batch): Promise<number> {
    return this.guarded(async () => {
      await this.queueGradients(batch);
      this.queueLossCopy();
      return this.readLoss();
    });
  }

  applyGradients(learningRate: number): Promise<void> {
    return this.guarded(async () => {
      this.queueAdam(learningRate);
      await this.readLoss();
    });
  }

  readGradients(): Promise<StateDict> {
    return this.guarded(async () => {
      this.checkGradients();
      return unpackParameters(this.layout, await this.readPermanent("gradients"));
    });
  }

  writeGradients(gradients: StateDict): Promise<void> {
    return this.guarded(async () => {
      this.write(this.permanents.gradients, packParameters(this.layout, gradients));
      this.hasGradients = true;
      this.foreignGradients = true;
    });
  }

  readWeights(): Promise<StateDict> {
    return this.guarded(async () => {
      const parameters = unpackParameters(this.layout, await this.readPermanent("parameters"));
      const running = await this.readPermanent("running");
      return assembleWeights(this.layout, parameters, running, this.batchesTracked);
    });
  }

  writeWeights(weights: StateDict): Promise<void> {
    return this.guarded(async () => {
      checkStateDict(this.options.graph, weights);
      this.upload(weights);
    });
  }

  readOptimizer(): Promise<OptimizerState> {
    return this.guarded(async () => ({
      step: this.adamSteps,
      firstMoments: unpackParameters(this.layout, await this.readPermanent("firstMoments")),
      secondMoments: unpackParameters(this.layout, await this.readPermanent("secondMoments")),
    }));
  }

  writeOptimizer({ step, firstMoments, secondMoments }: OptimizerState): Promise<void> {
    return this.guarded(async () => {
      const first = packParameters(this.layout, firstMoments);
      const second = packParameters(this.layout, secondMoments);
      this.write(this.permanents.firstMoments, first);
      this.write(this.permanents.secondMoments, second);
      this.adamSteps = step;
    });
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.held.bytes, peakBytes: this.held.peakBytes };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.held.freeAll();
    this.training = null;
    this.inference = null;
  }

  /** The plan of a training step with this many images, without running it. */
  planTraining(images: number): TrainingPlan {
    return planTraining(new Network(this.lowered, this.layout, images), this.options.loss, this.lab.target);
  }

  /**
   * One forward and backward pass with the time of every dispatch on the device; gradients and running statistics move as in
   * `computeGradients`. Throws `engine/no-timestamps` where the device has none.
   */
  measure(batch: Batch): Promise<DispatchTime[]> {
    return this.guarded(async () => (await this.uploaded(batch)).measure());
  }

  private async queueGradients(batch: Batch): Promise<void> {
    (await this.uploaded(batch)).submit();
  }

  /** The training program of the batch's size, its inputs written. */
  private async uploaded({ images, noisy, clean }: Batch): Promise<Program> {
    this.checkPixels(noisy, images);
    this.checkPixels(clean, images);
    this.checkStatistics(images);
    const { plan, buffers, program } = await this.readyTraining(images);
    this.write(buffers[plan.noisy] as GPUBuffer, noisy);
    this.write(buffers[plan.clean] as GPUBuffer, clean);
    if (this.foreignGradients) this.clearGradients();
    this.hasGradients = true;
    for (const name of this.layout.norms.keys())
      this.batchesTracked.set(name, (this.batchesTracked.get(name) ?? 0) + 1);
    return program;
  }

  private queueAdam(learningRate: number): void {
    this.checkGradients();
    const { beta1, beta2 } = this.options.adam;
    this.adamSteps += 1;
    const stepSize = learningRate / (1 - beta1 ** this.adamSteps);
    const correction = Math.sqrt(1 - beta2 ** this.adamSteps);
    this.write(this.permanents.adamStep, new Float32Array([stepSize, correction, 0, 0]));
    this.adam.submit((encoder) => this.copyLoss(encoder));
  }

  private queueLossCopy(): void {
    const encoder = this.lab.device.createCommandEncoder({ label: "loss" });
    this.copyLoss(encoder);
    this.lab.device.queue.submit([encoder.finish()]);
  }

  private copyLoss(encoder: GPUCommandEncoder): void {
    encoder.copyBufferToBuffer(this.permanents.loss, 0, this.readback, 0, 4);
  }

  /** Waits for everything queued. */
  private async readLoss(): Promise<number> {
    await this.readback.mapAsync(GPUMapMode.READ);
    const [loss] = new Float32Array(this.readback.getMappedRange(0, 4).slice(0));
    this.readback.unmap();
    return loss as number;
  }

  private clearGradients(): void {
    const encoder = this.lab.device.createCommandEncoder({ label: "clear gradients" });
    encoder.clearBuffer(this.permanents.gradients);
    this.lab.device.queue.submit([encoder.finish()]);
    this.foreignGradients = false;
  }

  private upload(weights: StateDict): void {
    this.write(this.permanents.parameters, packParameters(this.layout, weights));
    this.write(this.permanents.running, packRunning(this.layout, weights));
    for (const { name } of this.layout.norms.values())
      this.batchesTracked.set(name, weights.get(`${name}.num_batches_tracked`)?.data[0] ?? 0);
  }

  private write(buffer: GPUBuffer, data: Float32Array<ArrayBuffer>): void {
    this.lab.device.queue.writeBuffer(buffer, 0, data);
  }

  private readPermanent(name: PermanentName): Promise<Float32Array<ArrayBuffer>> {
    const buffer = this.permanents[name];
    return this.read(buffer, buffer.size / 4);
  }

  private async read(buffer: GPUBuffer, floats: number): Promise<Float32Array<ArrayBuffer>> {
    const bytes = 4 * floats;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const [staging] = await this.held.allocate([{ label: "readback", bytes, usage }]);
    if (!staging) return new Float32Array();
    try {
      const encoder = this.lab.device.createCommandEncoder({ label: "readback" });
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, bytes);
      this.lab.device.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
      return new Float32Array(staging.getMappedRange(0, bytes).slice(0));
    } finally {
      this.held.free(staging);
    }
  }

  private async readyTraining(images: number): Promise<Ready<TrainingPlan>> {
    const make = (count: number): TrainingPlan => this.planTraining(count);
    const known = this.training;
    // Forgotten while it may be freed: an allocation that fails leaves nothing half made.
    this.training = null;
    this.training = await this.prepared(known, images, make);
    return this.ready(this.training, images, make);
  }

  private async readyInference(images: number): Promise<Ready<InferencePlan>> {
    const make = (count: number): InferencePlan =>
      planInference(new Network(this.lowered, this.layout, count), this.lab.target);
    const known = this.inference;
    this.inference = null;
    this.inference = await this.prepared(known, images, make);
    return this.ready(this.inference, images, make);
  }

  /** Slots that hold `images`; those of a smaller number are freed first. */
  private async prepared<SomePlan extends Plan>(
    known: Prepared<SomePlan> | null,
    images: number,
    make: (images: number) => SomePlan,
  ): Promise<Prepared<SomePlan>> {
    if (known && known.images >= images) return known;
    for (const slot of known?.slots ?? []) this.held.free(slot);
    const plan = make(images);
    const slots = await this.held.allocate(
      plan.slots.map((bytes, index) => ({
        label: `slot ${index}`,
        bytes,
        usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      })),
    );
    return { images, slots, programs: new Map() };
  }

  private async ready<SomePlan extends Plan>(
    prepared: Prepared<SomePlan>,
    images: number,
    make: (images: number) => SomePlan,
  ): Promise<Ready<SomePlan>> {
    const known = prepared.programs.get(images);
    if (known) return known;
    const plan = make(images);
    // Fewer images than the slots are made for: the same tensors in the order of the larger plan's slots.
    const slotOf = images === prepared.images ? plan : make(prepared.images);
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

  /** One call: refuses after dispose, and turns what a lost device throws into its coded failure. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed)
      throw new LabError(
        "engine/disposed",
        "This webgpu executor was disposed of.",
        "Create a new one from the weights.",
      );
    if (this.lab.lost !== null) throw deviceLost(this.lab.lost);
    try {
      const result = await work();
      if (this.lab.problem !== null)
        throw new LabError(
          "engine/validation",
          `The graphics device refused a command: ${this.lab.problem}`,
          "Choose another engine and report this message.",
        );
      return result;
    } catch (error) {
      if (error instanceof LabError) throw error;
      // A failed map is how a loss shows first; the device says so a turn later.
      const lost =
        this.lab.lost ??
        (await Promise.race([
          this.lab.device.lost.then(({ message, reason }) => message || reason),
          later(),
        ]));
      if (lost !== null) throw deviceLost(lost);
      throw error;
    }
  }

  private checkPixels(pixels: Float32Array, images: number): void {
    const { height, width } = this.options;
    if (!Number.isInteger(images) || images < 1 || pixels.length !== images * height * width)
      throw new LabError(
        "engine/batch",
        `${pixels.length} pixels are not ${images} images of ${height}×${width}.`,
        "Give whole images of the executor's size.",
      );
  }

  private checkStatistics(images: number): void {
    for (const { norm, height, width } of this.lowered.features)
      if (norm !== null && images * height * width < 2)
        throw new LabError(
          "shape/batch",
          "BatchNorm cannot train on one value a channel (one image of 1×1 at the bottom of the network).",
          "Use at least two images a batch or a larger size.",
        );
  }

  private checkGradients(): void {
    if (!this.hasGradients)
      throw new LabError(
        "engine/no-gradients",
        "No gradients were computed yet.",
        "Call computeGradients or writeGradients first.",
      );
  }
}

const LOSS_WAIT_MS = 100;

function later(): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), LOSS_WAIT_MS));
}

async function allocatePermanents(
  held: DeviceMemory,
  { parameterFloats, normFloats, runningFloats }: Layout,
): Promise<{ readonly permanents: Permanents; readonly readback: GPUBuffer }> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const sizes: readonly (readonly [PermanentName, number])[] = [
    ["parameters", parameterFloats],
    ["gradients", parameterFloats],
    ["firstMoments", parameterFloats],
    ["secondMoments", parameterFloats],
    ["norms", normFloats],
    ["running", runningFloats],
    ["loss", 4],
    ["adamStep", 4],
  ];
  const made = await held.allocate([
    ...sizes.map(([label, floats]) => ({
      label,
      bytes: 4 * floats,
      usage: label === "adamStep" ? GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST : usage,
    })),
    { label: "loss readback", bytes: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST },
  ]);
  const [parameters, gradients, firstMoments, secondMoments, norms, running, loss, adamStep, readback] =
    made as [
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
      GPUBuffer,
    ];
  return {
    permanents: { parameters, gradients, firstMoments, secondMoments, norms, running, loss, adamStep },
    readback,
  };
}
