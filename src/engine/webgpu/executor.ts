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
import { AdamUpdate } from "./adamUpdate";
import { checkPixels, checkStatistics, uploadBatch } from "./batch";
import type { LabDevice } from "./device";
import { callDevice } from "./deviceCall";
import { ForwardPass } from "./forwardPass";
import { GradientStaging } from "./gradientStaging";
import { HeldGradients } from "./heldGradients";
import { HeldWeights } from "./heldWeights";
import { planInference } from "./inferencePlan";
import type { Target } from "./kernels/kernel";
import { layoutOf, packParameters, unpackParameters } from "./layout";
import { LossReadback } from "./lossReadback";
import { LossScale } from "./lossScale";
import { type Lowered, lower } from "./lower";
import { DeviceMemory, largestBinding } from "./memory";
import { Network } from "./network";
import { allocatePermanents, type Holdings, readPermanent, writePermanent } from "./permanents";
import { PreparedPrograms } from "./preparedPrograms";
import type { DispatchTime } from "./program";
import { SynchronisedPass } from "./synchronisedPass";
import { notesOf, type Pass, TrainingPasses } from "./trainingPasses";
import { planTraining, type TrainingPlan } from "./trainingPlan";

/** One network at one size on a device: the order of what its parts do in a call, and what a call checks first. */
export class WebgpuExecutor implements Executor {
  readonly info: ExecutorInfo;
  readonly flat: FlatAccess;
  private readonly options: ExecutorOptions;
  /** The device's, with the tuning asked for. */
  private readonly target: Target;
  private readonly lowered: Lowered;
  private readonly holdings: Holdings;
  /** Null in float32. */
  private readonly lossScale: LossScale | null;
  private readonly readback: LossReadback;
  private readonly update: AdamUpdate;
  private readonly weights: HeldWeights;
  private readonly gradients: HeldGradients;
  private readonly staging: GradientStaging;
  private readonly passes: TrainingPasses;
  private readonly forward: ForwardPass;
  /** Made once a batch goes by the statistics of all replicas. */
  private synchronised: SynchronisedPass | null = null;
  private disposed = false;

  private constructor(
    options: ExecutorOptions,
    target: Target,
    lowered: Lowered,
    holdings: Holdings,
    lossScale: LossScale | null,
    readback: LossReadback,
    update: AdamUpdate,
  ) {
    const { lab, held, layout, permanents } = holdings;
    this.options = options;
    this.target = target;
    this.lowered = lowered;
    this.holdings = holdings;
    this.lossScale = lossScale;
    this.readback = readback;
    this.update = update;
    this.weights = new HeldWeights(holdings);
    this.gradients = new HeldGradients(holdings, lossScale);
    this.staging = new GradientStaging(holdings);
    this.passes = new TrainingPasses(new PreparedPrograms(lab, held, permanents), (images, pass) =>
      planTraining(this.network(images), { loss: options.loss, ...pass }, target),
    );
    this.forward = new ForwardPass(
      lab.device,
      held,
      new PreparedPrograms(lab, held, permanents),
      (images) => planInference(this.network(images), target),
      options.height * options.width,
    );
    this.flat = {
      floats: layout.parameterFloats,
      streamGradients: (batch, into, pieces) => this.guarded(() => this.streamGradients(batch, into, pieces)),
      readGradients: () => this.guarded(() => this.gradients.read()),
      writeGradients: (flat) => this.guarded(async () => this.gradients.write(flat)),
      readParameters: () => this.guarded(() => readPermanent(holdings, "parameters")),
      writeParameters: (flat) => this.guarded(async () => writePermanent(holdings, "parameters", flat)),
    };
    this.info = { engine: "webgpu", adapter: lab.adapter, features: lab.features, limits: lab.limits };
  }

  /** Throws `shape/…`, `weights/…`, `engine/unsupported`, `engine/out-of-memory`, `engine/kernel`. */
  static async create(lab: LabDevice, options: ExecutorOptions): Promise<WebgpuExecutor> {
    checkStateDict(options.graph, options.weights);
    const lowered = lower(options.graph, options.height, options.width);
    const layout = layoutOf(lowered);
    const target = targetOf(lab, options);
    const held = new DeviceMemory(lab);
    try {
      const holdings = { lab, held, layout, permanents: await allocatePermanents(held, layout) };
      const lossScale = options.precision === "mixed" ? new LossScale() : null;
      const readback = await LossReadback.create(holdings);
      const update = await AdamUpdate.create(holdings, options, target, readback, lossScale);
      const executor = new WebgpuExecutor(options, target, lowered, holdings, lossScale, readback, update);
      executor.weights.write(options.weights);
      return executor;
    } catch (error) {
      held.freeAll();
      throw error;
    }
  }

  infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    return this.guarded(async () => {
      checkPixels(noisy, images, this.options);
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
        await (await this.synchronisedPass()).ready(images);
        return [];
      }
      checkStatistics(this.lowered, images);
      return notesOf(await this.passes.of(images), images);
    });
  }

  trainStep(batch: Batch, learningRate: number): Promise<number> {
    return this.guarded(async () => {
      const passes = await this.queueGradients(batch);
      const begunMs = performance.now();
      const loss = await this.update.step(learningRate);
      const ms = performance.now() - begunMs;
      for (const { ready } of passes) await ready.program.ran(ms / passes.length);
      return loss;
    });
  }

  computeGradients(batch: Batch, synchroniser?: Synchroniser): Promise<number> {
    return this.guarded(async () => {
      if (synchroniser) await this.runSynchronised(batch, synchroniser);
      else await this.queueGradients(batch);
      this.readback.queue();
      return (await this.readback.read()).loss;
    });
  }

  applyGradients(learningRate: number): Promise<void> {
    return this.guarded(async () => {
      if (this.synchronised?.moveRunning()) this.weights.countBatches(1);
      this.gradients.check();
      await this.update.step(learningRate);
    });
  }

  readGradients(): Promise<StateDict> {
    return this.guarded(async () => unpackParameters(this.holdings.layout, await this.gradients.read()));
  }

  writeGradients(gradients: StateDict): Promise<void> {
    return this.guarded(async () => this.gradients.write(packParameters(this.holdings.layout, gradients)));
  }

  readLossScale(): LossScaleState | null {
    return this.lossScale?.state ?? null;
  }

  writeLossScale(state: LossScaleState): void {
    this.lossScale?.restore(state);
  }

  readWeights(): Promise<StateDict> {
    return this.guarded(() => this.weights.read());
  }

  writeWeights(weights: StateDict): Promise<void> {
    return this.guarded(async () => {
      checkStateDict(this.options.graph, weights);
      this.synchronised?.forget();
      this.weights.write(weights);
    });
  }

  readOptimizer(): Promise<OptimizerState> {
    return this.guarded(() => this.update.readState());
  }

  writeOptimizer(state: OptimizerState): Promise<void> {
    return this.guarded(async () => this.update.writeState(state));
  }

  memory(): { readonly bytes: number; readonly peakBytes: number } {
    const { bytes, peakBytes } = this.holdings.held;
    return { bytes, peakBytes };
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.holdings.held.freeAll();
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
      checkPixels(noisy, images, this.options);
      return this.forward.measure(noisy, images);
    });
  }

  private network(images: number): Network {
    const storage = this.options.precision === "mixed" ? "f16" : "f32";
    const { lab, layout } = this.holdings;
    return new Network(this.lowered, layout, images, storage, largestBinding(lab));
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
    this.checkBatch(batch);
    checkStatistics(this.lowered, batch.images);
    const passes = await this.passes.of(batch.images);
    this.beginGradients();
    this.weights.countBatches(passes.length);
    return passes;
  }

  private checkBatch({ images, noisy, clean }: Batch): void {
    checkPixels(noisy, images, this.options);
    checkPixels(clean, images, this.options);
  }

  private beginGradients(): void {
    this.synchronised?.forget();
    this.gradients.begin();
  }

  /** A batch by the statistics of all replicas, in one pass, its end still running. */
  private async runSynchronised(batch: Batch, synchroniser: Synchroniser): Promise<void> {
    this.checkBatch(batch);
    const { images } = batch;
    const pass = await this.synchronisedPass();
    const ready = await pass.ready(images);
    this.beginGradients();
    this.upload({ first: 0, images, ready }, batch);
    await pass.run(ready, synchroniser);
  }

  private async synchronisedPass(): Promise<SynchronisedPass> {
    const { loss } = this.options;
    this.synchronised ??= await SynchronisedPass.create(this.holdings, (images) =>
      planTraining(this.network(images), { loss, synchronised: true }, this.target),
    );
    return this.synchronised;
  }

  private upload(pass: Pass, batch: Batch): void {
    uploadBatch(this.holdings.lab.device, pass, batch, this.options.height * this.options.width);
  }

  private async streamGradients(
    batch: Batch,
    into: Float32Array,
    pieces: readonly FlatPiece[],
  ): Promise<GradientStream> {
    const { staging, readback } = this;
    await staging.prepare(pieces);
    const passes = await this.beginStep(batch);
    for (const [index, pass] of passes.entries()) {
      this.upload(pass, batch);
      const { program } = pass.ready;
      if (index + 1 < passes.length) program.submit();
      else staging.submit(program);
    }
    readback.queue();
    const { scale } = this.gradients;
    return {
      loss: this.guarded(async () => (await readback.read()).loss),
      pieces: pieces.map((_, index) => this.guarded(() => staging.read(index, scale, into))),
    };
  }

  /** One call: refuses after dispose. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.disposed)
      throw new LabError(
        "engine/disposed",
        "This webgpu executor was disposed of.",
        "Create a new one from the weights.",
      );
    return callDevice(this.holdings.lab, work);
  }
}

function targetOf({ target }: LabDevice, { tuning }: ExecutorOptions): Target {
  return tuning ? { ...target, tuning: new Map(Object.entries(tuning)) } : target;
}
