import { LabError } from "@/contracts/failure";
import type { LossScaleState, OptimizerState, StateDict } from "@/contracts/tensors";
import type {
  Batch,
  Executor,
  ExecutorInfo,
  ExecutorOptions,
  FlatAccess,
  FlatPiece,
  GradientStream,
} from "@/engine/executor";
import type { Synchroniser } from "@/engine/synchroniser";
import { checkStateDict } from "@/model/stateDict";
import type { LabDevice } from "./device";
import { deviceLost } from "./deviceLoss";
import { ForwardPass } from "./forwardPass";
import { GradientStaging, readPiece } from "./gradientStaging";
import { planInference } from "./inferencePlan";
import type { Target } from "./kernels/kernel";
import {
  assembleWeights,
  type Layout,
  layoutOf,
  packParameters,
  packRunning,
  unpackParameters,
} from "./layout";
import { LossScale } from "./lossScale";
import { type Lowered, lower } from "./lower";
import { DeviceMemory, largestBinding } from "./memory";
import { Network } from "./network";
import { allocatePermanents, LOSS_READBACK_BYTES, type Permanents } from "./permanents";
import type { PermanentName } from "./plan";
import { PreparedPrograms, type Ready } from "./preparedPrograms";
import { type DispatchTime, Program } from "./program";
import { readFloats } from "./readback";
import { SynchronisedPass } from "./synchronisedPass";
import { notesOf, type Pass, placesOf, TrainingPasses } from "./trainingPasses";
import { planTraining, type TrainingPlan } from "./trainingPlan";
import { planUpdate } from "./updatePlan";

export class WebgpuExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly flat: FlatAccess;
  private readonly lab: LabDevice;
  private readonly mixed: boolean;
  /** The device's, with the tuning asked for. */
  private readonly target: Target;
  private readonly options: ExecutorOptions;
  private readonly lowered: Lowered;
  private readonly layout: Layout;
  private readonly held: DeviceMemory;
  private readonly permanents: Permanents;
  private readonly readback: GPUBuffer;
  private readonly adam: Program;
  private readonly passes: TrainingPasses;
  /** Of passes that go by the statistics of all replicas: their tensors live otherwise than those of `passes`. */
  private readonly synchronisedPrograms: PreparedPrograms<TrainingPlan>;
  private synchronised: SynchronisedPass | null = null;
  private readonly forward: ForwardPass;
  private readonly staging: GradientStaging;
  private readonly lossScale = new LossScale();
  /** The loss scale that the gradients held carry; 1 in float32. */
  private gradientScale = 1;
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
    this.mixed = options.precision === "mixed";
    this.target = targetOf(lab, options);
    this.lowered = lowered;
    this.layout = layout;
    this.held = held;
    this.permanents = permanents;
    this.readback = readback;
    this.adam = adamProgram;
    this.passes = new TrainingPasses(new PreparedPrograms(lab, held, permanents), (images, pass) =>
      planTraining(this.network(images), { loss: options.loss, ...pass }, this.target),
    );
    this.synchronisedPrograms = new PreparedPrograms(lab, held, permanents);
    this.forward = new ForwardPass(
      lab.device,
      held,
      new PreparedPrograms(lab, held, permanents),
      (images) => planInference(this.network(images), this.target),
      options.height * options.width,
    );
    this.staging = new GradientStaging(held);
    this.flat = {
      floats: layout.parameterFloats,
      streamGradients: (batch, into, pieces) => this.guarded(() => this.streamGradients(batch, into, pieces)),
      readGradients: () => this.guarded(() => this.readFlatGradients()),
      writeGradients: (flat) => this.guarded(async () => this.writeFlatGradients(flat)),
      readParameters: () => this.guarded(() => this.readPermanent("parameters")),
      writeParameters: (flat) => this.guarded(async () => this.write(this.permanents.parameters, flat)),
    };
    this.info = { engine: "webgpu", adapter: lab.adapter, features: lab.features, limits: lab.limits };
  }

  /** Throws `shape/…`, `weights/…`, `engine/unsupported`, `engine/out-of-memory`, `engine/kernel`. */
  static async create(lab: LabDevice, options: ExecutorOptions): Promise<WebgpuExecutor> {
    checkStateDict(options.graph, options.weights);
    const lowered = lower(options.graph, options.height, options.width);
    const layout = layoutOf(lowered);
    const held = new DeviceMemory(lab);
    try {
      const permanents = await allocatePermanents(held, layout);
      const [readback] = await held.allocate([
        {
          label: "loss readback",
          bytes: LOSS_READBACK_BYTES,
          usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
        },
      ]);
      const update = planUpdate(layout.parameterFloats, largestBinding(lab), options, targetOf(lab, options));
      const program = await Program.create(lab, update, [], permanents);
      const executor = new WebgpuExecutor(
        lab,
        options,
        lowered,
        layout,
        held,
        permanents,
        readback as GPUBuffer,
        program,
      );
      executor.writeState(options.weights);
      return executor;
    } catch (error) {
      held.freeAll();
      throw error;
    }
  }

  infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    return this.guarded(async () => {
      this.checkPixels(noisy, images);
      return this.forward.infer(noisy, images);
    });
  }

  /**
   * Allocates and compiles for training steps of `images`, so that the first step does not. Resolves to what the user should
   * know about how they are computed on this device, a sentence each.
   */
  prepare(images: number, synchronised = false): Promise<readonly string[]> {
    return this.guarded(async () => {
      if (synchronised) {
        await this.synchronisedPass();
        await this.synchronisedProgram(images);
        return [];
      }
      this.checkStatistics(images);
      return notesOf(await this.passes.of(images), images);
    });
  }

  trainStep(batch: Batch, learningRate: number): Promise<number> {
    return this.guarded(async () => {
      const passes = await this.queueGradients(batch);
      const begunMs = performance.now();
      this.queueAdam(learningRate);
      const loss = await this.finishUpdate();
      const ms = performance.now() - begunMs;
      for (const { ready } of passes) await ready.program.ran(ms / passes.length);
      return loss;
    });
  }

  computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number> {
    return this.guarded(async () => {
      if (synchroniser) await this.runSynchronised(batch, synchroniser);
      else await this.queueGradients(batch);
      this.queueLossCopy();
      return (await this.readLoss()).loss;
    });
  }

  applyGradients(learningRate: number): Promise<void> {
    return this.guarded(async () => {
      if (this.synchronised?.moveRunning()) this.countBatches(1);
      this.queueAdam(learningRate);
      await this.finishUpdate();
    });
  }

  readGradients(): Promise<StateDict> {
    return this.guarded(async () => unpackParameters(this.layout, await this.readFlatGradients()));
  }

  writeGradients(gradients: StateDict): Promise<void> {
    return this.guarded(async () => this.writeFlatGradients(packParameters(this.layout, gradients)));
  }

  readLossScale(): LossScaleState | null {
    return this.mixed ? this.lossScale.state : null;
  }

  writeLossScale(state: LossScaleState): void {
    if (this.mixed) this.lossScale.restore(state);
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
      this.synchronised?.forget();
      this.writeState(weights);
    });
  }

  readOptimizer(): Promise<OptimizerState> {
    return this.guarded(async () => ({
      step: this.adamSteps,
      ...(this.mixed ? { lossScale: this.lossScale.state } : {}),
      firstMoments: unpackParameters(this.layout, await this.readPermanent("firstMoments")),
      secondMoments: unpackParameters(this.layout, await this.readPermanent("secondMoments")),
    }));
  }

  writeOptimizer({ step, firstMoments, secondMoments, lossScale }: OptimizerState): Promise<void> {
    return this.guarded(async () => {
      const first = packParameters(this.layout, firstMoments);
      const second = packParameters(this.layout, secondMoments);
      this.write(this.permanents.firstMoments, first);
      this.write(this.permanents.secondMoments, second);
      this.adamSteps = step;
      this.lossScale.restore(lossScale);
    });
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.held.bytes, peakBytes: this.held.peakBytes };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.held.freeAll();
  }

  /** The plan of a training step with this many images, without running it. */
  planTraining(images: number): TrainingPlan {
    return planTraining(this.network(images), { loss: this.options.loss }, this.target);
  }

  /**
   * One forward and backward pass with the time of every dispatch on the device; gradients and running statistics move as in
   * `computeGradients`. Throws `engine/no-timestamps` where the device has none.
   */
  measure(batch: Batch): Promise<DispatchTime[]> {
    return this.guarded(async () => {
      const times: DispatchTime[] = [];
      for (const pass of await this.beginStep(batch)) {
        this.upload(pass, batch);
        times.push(...(await pass.ready.program.measure()));
      }
      return times;
    });
  }

  /** The same of a forward pass of up to 16 images, with its dispatches' times. */
  measureInference(noisy: Float32Array<ArrayBuffer>, images: number): Promise<DispatchTime[]> {
    return this.guarded(async () => {
      this.checkPixels(noisy, images);
      return this.forward.measure(noisy, images);
    });
  }

  private network(images: number): Network {
    const storage = this.mixed ? "f16" : "f32";
    return new Network(this.lowered, this.layout, images, storage, largestBinding(this.lab));
  }

  private async queueGradients(batch: Batch): Promise<readonly Pass[]> {
    const passes = await this.beginStep(batch);
    for (const pass of passes) {
      this.upload(pass, batch);
      pass.ready.program.submit();
    }
    return passes;
  }

  /** Checks a batch and gives the passes that it takes. */
  private async beginStep(batch: Batch): Promise<readonly Pass[]> {
    const { images, noisy, clean } = batch;
    this.checkPixels(noisy, images);
    this.checkPixels(clean, images);
    this.checkStatistics(images);
    const passes = await this.passes.of(images);
    this.beginGradients();
    this.countBatches(passes.length);
    return passes;
  }

  private beginGradients(): void {
    this.synchronised?.forget();
    this.scaleGradients();
    if (this.foreignGradients) this.clearGradients();
    this.hasGradients = true;
  }

  private countBatches(count: number): void {
    for (const name of this.layout.norms.keys())
      this.batchesTracked.set(name, (this.batchesTracked.get(name) ?? 0) + count);
  }

  /** A batch by the statistics of all replicas, in one pass, its end still running. */
  private async runSynchronised(batch: Batch, synchroniser: Synchroniser): Promise<void> {
    const { images, noisy, clean } = batch;
    this.checkPixels(noisy, images);
    this.checkPixels(clean, images);
    const pass = await this.synchronisedPass();
    const ready = await this.synchronisedProgram(images);
    this.beginGradients();
    this.upload({ first: 0, images, ready }, batch);
    await pass.run(ready, synchroniser);
  }

  private async synchronisedPass(): Promise<SynchronisedPass> {
    const { lab, held, permanents, layout } = this;
    this.synchronised ??= await SynchronisedPass.create(lab, held, permanents, layout);
    return this.synchronised;
  }

  /** Throws `engine/out-of-memory` where the images need more than one pass: the second would change the first's statistics. */
  private async synchronisedProgram(images: number): Promise<Ready<TrainingPlan>> {
    const { loss } = this.options;
    try {
      return await this.synchronisedPrograms.ready(`${images}`, () =>
        planTraining(this.network(images), { loss, synchronised: true }, this.target),
      );
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

  private upload({ first, ready }: Pass, { noisy, clean }: Batch): void {
    const pixels = this.options.height * this.options.width;
    const { plan, buffers } = ready;
    for (const [part, { from, to }] of placesOf(plan.parts, first * pixels, pixels).entries()) {
      this.write(buffers[plan.noisy[part] as number] as GPUBuffer, noisy.subarray(from, to));
      this.write(buffers[plan.clean[part] as number] as GPUBuffer, clean.subarray(from, to));
    }
  }

  private queueAdam(learningRate: number): void {
    this.checkGradients();
    const { beta1, beta2 } = this.options.adam;
    this.adamSteps += 1;
    const stepSize = learningRate / (1 - beta1 ** this.adamSteps);
    const correction = Math.sqrt(1 - beta2 ** this.adamSteps);
    this.write(this.permanents.adamStep, new Float32Array([stepSize, correction, 0, 0]));
    this.adam.submit({
      before: (encoder) => encoder.clearBuffer(this.permanents.overflow),
      after: (encoder) => this.copyLoss(encoder),
    });
  }

  /** Waits for the update; one that met an overflow was skipped on the device, and does not count here either. */
  private async finishUpdate(): Promise<number> {
    const { loss, overflowed } = await this.readLoss();
    if (!this.mixed) return loss;
    if (overflowed) this.adamSteps -= 1;
    this.lossScale.stepDone(overflowed);
    return loss;
  }

  /** Gradients that come next carry the loss scale as it is now. */
  private scaleGradients(): void {
    if (!this.mixed) return;
    const { scale } = this.lossScale;
    this.gradientScale = scale;
    this.write(this.permanents.scaling, new Float32Array([scale, 1 / scale, 0, 0]));
  }

  private queueLossCopy(): void {
    const encoder = this.lab.device.createCommandEncoder({ label: "loss" });
    this.copyLoss(encoder);
    this.lab.device.queue.submit([encoder.finish()]);
  }

  private copyLoss(encoder: GPUCommandEncoder): void {
    encoder.copyBufferToBuffer(this.permanents.loss, 0, this.readback, 0, 4);
    encoder.copyBufferToBuffer(this.permanents.overflow, 0, this.readback, 4, 4);
  }

  /** Waits for everything queued. */
  private async readLoss(): Promise<{ readonly loss: number; readonly overflowed: boolean }> {
    await this.readback.mapAsync(GPUMapMode.READ);
    const bytes = this.readback.getMappedRange(0, 8).slice(0);
    this.readback.unmap();
    const [loss] = new Float32Array(bytes);
    return { loss: loss as number, overflowed: new Uint32Array(bytes)[1] !== 0 };
  }

  private clearGradients(): void {
    const encoder = this.lab.device.createCommandEncoder({ label: "clear gradients" });
    encoder.clearBuffer(this.permanents.gradients);
    this.lab.device.queue.submit([encoder.finish()]);
    this.foreignGradients = false;
  }

  private writeState(weights: StateDict): void {
    this.write(this.permanents.parameters, packParameters(this.layout, weights));
    this.write(this.permanents.running, packRunning(this.layout, weights));
    for (const { name } of this.layout.norms.values())
      this.batchesTracked.set(name, weights.get(`${name}.num_batches_tracked`)?.data[0] ?? 0);
  }

  private write(buffer: GPUBuffer, data: Float32Array): void {
    this.lab.device.queue.writeBuffer(buffer, 0, data);
  }

  private async streamGradients(
    batch: Batch,
    into: Float32Array,
    pieces: readonly FlatPiece[],
  ): Promise<GradientStream> {
    const staging = await this.staging.of(pieces);
    const passes = await this.beginStep(batch);
    const ranges = pieces.map(({ offset, length }) => ({ offset: 4 * offset, bytes: 4 * length }));
    for (const [index, pass] of passes.entries()) {
      this.upload(pass, batch);
      const { program } = pass.ready;
      if (index + 1 < passes.length) program.submit();
      else
        program.submitStreaming(ranges, (encoder, piece) => {
          const { offset, bytes } = ranges[piece] as (typeof ranges)[number];
          encoder.copyBufferToBuffer(
            this.permanents.gradients,
            offset,
            staging[piece] as GPUBuffer,
            0,
            bytes,
          );
        });
    }
    this.queueLossCopy();
    const { gradientScale } = this;
    return {
      loss: this.guarded(async () => (await this.readLoss()).loss),
      pieces: pieces.map((piece, index) =>
        this.guarded(() => readPiece(staging[index] as GPUBuffer, piece, gradientScale, into)),
      ),
    };
  }

  private async readFlatGradients(): Promise<Float32Array<ArrayBuffer>> {
    this.checkGradients();
    const flat = await this.readPermanent("gradients");
    if (this.gradientScale !== 1) for (const [i, g] of flat.entries()) flat[i] = g / this.gradientScale;
    return flat;
  }

  private writeFlatGradients(flat: Float32Array): void {
    this.scaleGradients();
    const { gradientScale } = this;
    const scaled = gradientScale === 1 ? flat : flat.map((g) => g * gradientScale);
    this.write(this.permanents.gradients, scaled);
    this.hasGradients = true;
    this.foreignGradients = true;
  }

  private readPermanent(name: PermanentName): Promise<Float32Array<ArrayBuffer>> {
    const buffer = this.permanents[name];
    return readFloats(this.lab.device, this.held, buffer, buffer.size / 4);
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

function targetOf({ target }: LabDevice, { tuning }: ExecutorOptions): Target {
  return tuning ? { ...target, tuning: new Map(Object.entries(tuning)) } : target;
}
