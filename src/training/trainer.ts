import type { ImageReader } from "@/contracts/dataset";
import type { FilmMoment } from "@/contracts/film";
import type { RunConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { EpochRecord, PreviewStrip, ProgressInfo, StepChunk } from "@/contracts/training";
import type { Executor } from "@/engine/executor";
import { PairMaker } from "./batches";
import type { RunControl } from "./control";
import { countWithoutImprovement, patienceIsOver } from "./earlyStopping";
import type { EventBatcher } from "./events";
import { assertFiniteLoss, assertFiniteWeights, withKeptCheckpoint } from "./failures";
import { Pictures, type Place } from "./pictures";
import { planRun, type RunPlan } from "./plan";
import { ProgressMeter } from "./progress";
import { type Settled, taken } from "./settled";
import type { Split } from "./split";
import type { BestWeights, CheckpointSink, TrainingState } from "./state";
import { SingleStepper, type StepDone, type Stepper } from "./stepper";
import { type TraceData, TraceRecorder } from "./trace";
import { MessageTurn } from "./turn";
import { type ValidationResult, validate } from "./validation";

/** Between two checkpoints within an epoch. */
const CHECKPOINT_INTERVAL_MS = 120_000;

export interface TrainingRequest {
  readonly config: RunConfig;
  /** At the size of the run. */
  readonly reader: ImageReader;
  readonly split: Split;
  /** Made with the weights of `from`. Stays the caller's: it is not disposed here. */
  readonly executor: Executor;
  /** How steps are made; absent: by `executor` alone. */
  readonly stepperOf?: (pairs: PairMaker) => Stepper;
  /** `initialState`, or the last checkpoint. */
  readonly from: TrainingState;
  /** Records of the epochs before `from`, and the trace as far as recorded. */
  readonly epochs: readonly EpochRecord[];
  readonly trace: TraceData | null;
  /** The frames of the film as far as stored. */
  readonly film: readonly FilmMoment[];
  readonly sink: CheckpointSink;
  readonly events: EventBatcher;
  readonly control: RunControl;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

export interface TrainingOutcome {
  /** `stopped`: ended by the user before the last epoch. */
  readonly ended: "done" | "stopped";
  readonly step: number;
  readonly epochs: readonly EpochRecord[];
  readonly best: BestWeights;
  readonly last: StateDict;
  readonly trainSeconds: number;
  readonly validationSeconds: number;
}

/**
 * Trains to the end of the config, or until stopped. Writes a checkpoint after each epoch, every two minutes, and when
 * paused or stopped. Failures: `training/nan-loss`, and what the executor, the reader or the sink throw; the last
 * checkpoint stays.
 */
export async function train(request: TrainingRequest): Promise<TrainingOutcome> {
  const loop = new TrainingLoop(request);
  try {
    return await loop.run();
  } catch (error) {
    throw withKeptCheckpoint(error, loop.savedStep);
  } finally {
    loop.close();
  }
}

class TrainingLoop {
  savedStep: number;
  private readonly request: TrainingRequest;
  private readonly plan: RunPlan;
  private readonly pairs: PairMaker;
  private readonly stepper: Stepper;
  private readonly pictures: Pictures;
  private readonly meter = new ProgressMeter();
  private readonly trace: TraceRecorder;
  private readonly turn = new MessageTurn();
  private readonly epochs: EpochRecord[];
  private step: number;
  private epoch: number;
  private stepInEpoch: number;
  private epochLossSum: number;
  private best: BestWeights | null;
  private epochsWithoutImprovement: number;
  private trainSeconds: number;
  private validationSeconds: number;
  private savedMs: number;
  private pausedMs = 0;
  /** Since the last checkpoint. */
  private losses: number[] = [];
  private stepMs: number[] = [];

  constructor(request: TrainingRequest) {
    const { config, reader, split, executor, from, now } = request;
    this.request = request;
    this.plan = planRun(config, split.train.length);
    this.pairs = new PairMaker(reader, config.noise, config.seed);
    this.stepper =
      request.stepperOf?.(this.pairs) ??
      new SingleStepper({
        executor,
        pairs: this.pairs,
        train: split.train,
        seed: config.seed,
        noise: config.noise,
        batchSize: config.training.batchSize,
      });
    this.pictures = new Pictures({
      executor,
      pairs: this.pairs,
      validation: split.validation,
      size: reader.size,
      plan: this.plan,
      film: request.film,
      step: from.step,
      now,
    });
    this.trace = new TraceRecorder(config.trace, request.trace);
    this.epochs = request.epochs.filter(({ epoch }) => epoch < from.epoch);
    this.step = from.step;
    this.epoch = from.epoch;
    this.stepInEpoch = from.stepInEpoch;
    this.epochLossSum = from.epochLossSum;
    this.best = from.best;
    this.epochsWithoutImprovement = from.epochsWithoutImprovement;
    this.trainSeconds = from.trainSeconds;
    this.validationSeconds = from.validationSeconds;
    this.savedStep = from.step;
    this.savedMs = now();
  }

  close(): void {
    this.turn.close();
  }

  async run(): Promise<TrainingOutcome> {
    const { executor, from, control, events } = this.request;
    if (from.optimizer.step > 0) await executor.writeOptimizer(from.optimizer);
    events.emit({ type: "phase", phase: "training" });
    if (!this.isOver()) this.show(await this.pictures.begin(this.place()));
    while (!this.isOver() && !control.stopWanted) {
      await this.trainEpoch();
      if (control.stopWanted) break;
      await this.finishEpoch();
    }
    const ended = this.isOver() ? "done" : "stopped";
    const last = await executor.readWeights();
    if (ended === "stopped") await this.save(last);
    const best = this.best ?? (await this.measureNow(last));
    const { step, epochs, trainSeconds, validationSeconds } = this;
    return { ended, step, epochs, best, last, trainSeconds, validationSeconds };
  }

  private isLastStepDone(): boolean {
    return this.step >= this.plan.totalSteps;
  }

  private isOver(): boolean {
    const { earlyStoppingPatience } = this.request.config.training;
    const validated = this.stepInEpoch === 0;
    return (
      validated &&
      (this.isLastStepDone() || patienceIsOver(this.epochsWithoutImprovement, earlyStoppingPatience))
    );
  }

  /** The steps left in this epoch; returns early when a stop is wanted. */
  private async trainEpoch(): Promise<void> {
    const { config, control, now } = this.request;
    const { learningRate } = config.training;
    const prepare = (number: number): Promise<Settled<unknown>> => this.stepper.prepare(this.epoch, number);
    let upcoming = this.isEpochTrained() ? null : prepare(this.stepInEpoch);
    while (upcoming !== null) {
      const begunMs = now();
      const prepared = taken(await upcoming);
      const stepping = this.stepper.step(prepared, learningRate);
      // The next batch is read and gets its noise while the device works.
      const isLast =
        this.stepInEpoch + 1 === this.plan.stepsPerEpoch || this.step + 1 >= this.plan.totalSteps;
      upcoming = isLast ? null : prepare(this.stepInEpoch + 1);
      const done = await stepping;
      const stepMs = now() - begunMs;
      this.step++;
      this.stepInEpoch++;
      assertFiniteLoss(done.loss, "training", this.moment());
      await this.record(done, stepMs);
      await this.betweenSteps();
      if (control.stopWanted) return;
    }
  }

  private isEpochTrained(): boolean {
    return this.stepInEpoch === this.plan.stepsPerEpoch || this.isLastStepDone();
  }

  private async record({ loss, images, seen }: StepDone, stepMs: number): Promise<void> {
    const { executor, from, events } = this.request;
    this.epochLossSum += loss;
    this.trainSeconds += stepMs / 1000;
    this.losses.push(loss);
    this.stepMs.push(stepMs);
    this.meter.stepDone(images, stepMs / 1000);
    if (this.trace.wants(this.step - 1)) {
      if (this.step === 1) this.trace.begin(from.weights, await executor.readGradients());
      this.trace.step(await seen(), loss);
    }
    if (this.trace.wantsFinal(this.step, this.plan.totalSteps)) this.trace.end(await executor.readWeights());
    events.step(loss, stepMs, this.progress());
    const replicas = this.stepper.replicas();
    if (replicas) events.emit({ type: "replicas", replicas });
  }

  /** Everything that may happen between two steps: none of it changes the numbers. */
  private async betweenSteps(): Promise<void> {
    const { control, now } = this.request;
    // At the end of an epoch its validation comes first.
    if (!this.isEpochTrained()) {
      const trainedMs = (this.trainSeconds - this.request.from.trainSeconds) * 1000;
      this.show(await this.pictures.afterStep(this.place(), trainedMs));
    }
    if (now() - this.savedMs >= CHECKPOINT_INTERVAL_MS) await this.save();
    await this.turn.next();
    if (control.pauseWanted) await this.pause("training");
  }

  private async pause(phase: "training" | "validating"): Promise<void> {
    const { control, events, sink, now } = this.request;
    const begunMs = now();
    await this.save(undefined, true);
    events.emit({ type: "phase", phase: "paused" });
    events.flush();
    await control.untilContinued();
    await sink.continued();
    events.emit({ type: "phase", phase });
    events.flush();
    this.pausedMs += now() - begunMs;
    this.savedMs = now();
  }

  /** Validates, keeps the best weights, writes the epoch's record and a checkpoint, and moves on to the next epoch. */
  private async finishEpoch(): Promise<void> {
    const { config, split, executor, control, events } = this.request;
    const secondsBefore = this.validationSeconds;
    const result = await this.measure(() => !control.stopWanted);
    if (result.images < split.validation.length) {
      // Stopped in the middle: the state stays "validation is due", as if it had not begun.
      this.validationSeconds = secondsBefore;
      return;
    }
    assertFiniteLoss(result.loss, "validation", this.moment());
    const weights = await executor.readWeights();
    const validationSeconds = this.validationSeconds - secondsBefore;
    const earlier = this.epochs.reduce((sum, record) => sum + record.seconds - record.validationSeconds, 0);
    const record: EpochRecord = {
      epoch: this.epoch,
      step: this.step,
      trainLoss: this.epochLossSum / this.stepInEpoch,
      validationLoss: result.loss,
      validationPsnrDb: result.psnrDb,
      validationSsim: result.ssim,
      seconds: this.trainSeconds - earlier + validationSeconds,
      validationSeconds,
    };
    this.epochs.push(record);
    const { improved, count } = countWithoutImprovement(
      this.epochsWithoutImprovement,
      result.loss,
      this.best?.validationLoss ?? null,
    );
    this.epochsWithoutImprovement = count;
    if (improved) this.best = { epoch: this.epoch, validationLoss: result.loss, weights };
    this.stepper.epochDone();
    this.show(await this.pictures.afterEpoch(this.place(), result.loss));
    this.epoch++;
    this.stepInEpoch = 0;
    this.epochLossSum = 0;
    if (this.isOver() && config.trace > this.step) this.trace.end(weights);
    await this.save(weights);
    events.emit({ type: "epoch", epoch: record });
    if (!this.isOver()) events.emit({ type: "phase", phase: "training" });
  }

  /** The validation set through the network as it is; counts the seconds, not those paused. */
  private async measure(goOn: () => boolean): Promise<ValidationResult> {
    const { config, split, reader, executor, control, events, now } = this.request;
    const total = split.validation.length;
    const begunMs = now();
    const pausedBefore = this.pausedMs;
    events.emit({ type: "phase", phase: "validating" });
    const result = await validate({
      executor,
      pairs: this.pairs,
      indices: split.validation,
      size: reader.size,
      batchSize: config.training.batchSize,
      loss: config.training.loss,
      between: async (done) => {
        events.emit({ type: "phase", phase: "validating", note: `${done} of ${total} images` });
        await this.turn.next();
        if (control.pauseWanted) await this.pause("validating");
        return goOn();
      },
      output: (first, images, denoised) => this.pictures.validated(first, images, denoised),
    });
    const seconds = (now() - begunMs - (this.pausedMs - pausedBefore)) / 1000;
    this.validationSeconds += seconds;
    this.meter.validationDone(result.images, seconds);
    return result;
  }

  /** For a run stopped before its first validation: the weights it has are its best. A second stop cuts this short. */
  private async measureNow(weights: StateDict): Promise<BestWeights> {
    const { loss } = await this.measure(() => !this.request.control.hurryWanted);
    assertFiniteLoss(loss, "validation", this.moment());
    return { epoch: this.epoch, validationLoss: loss, weights };
  }

  private place(): Place {
    return { step: this.step, epoch: this.epoch };
  }

  private show(preview: PreviewStrip | null): void {
    if (preview) this.request.events.emit({ type: "preview", preview });
  }

  private async save(known?: StateDict, paused = false): Promise<void> {
    const { executor, sink, events, now } = this.request;
    const weights = known ?? (await executor.readWeights());
    assertFiniteWeights(weights, this.moment());
    const replicas = this.stepper.replicas();
    const state: TrainingState = {
      ...(replicas && { replicas }),
      step: this.step,
      epoch: this.epoch,
      stepInEpoch: this.stepInEpoch,
      epochLossSum: this.epochLossSum,
      weights,
      optimizer: await executor.readOptimizer(),
      best: this.best,
      epochsWithoutImprovement: this.epochsWithoutImprovement,
      trainSeconds: this.trainSeconds,
      validationSeconds: this.validationSeconds,
    };
    await sink.save({
      state,
      epochs: this.epochs.slice(),
      curve: this.curveSinceSave(),
      ...this.pictures.take(),
      trace: this.trace.take(),
      paused,
    });
    this.savedStep = this.step;
    this.savedMs = now();
    this.losses = [];
    this.stepMs = [];
    events.emit({ type: "checkpoint", step: state.step, epoch: state.epoch, atMs: Date.now() });
  }

  private curveSinceSave(): StepChunk | null {
    if (this.losses.length === 0) return null;
    return {
      firstStep: this.step - this.losses.length + 1,
      losses: Float32Array.from(this.losses),
      stepMs: Float32Array.from(this.stepMs),
    };
  }

  private moment() {
    const { learningRate } = this.request.config.training;
    return { step: this.step, epoch: this.epoch, learningRate, savedStep: this.savedStep };
  }

  private progress(): ProgressInfo {
    const { plan, step } = this;
    const { split, executor } = this.request;
    const trainLeft = plan.imagesIn(plan.totalSteps) - plan.imagesIn(step);
    const validationsLeft = plan.epochs - this.epoch + 1;
    return {
      step,
      totalSteps: plan.totalSteps,
      epoch: this.epoch,
      epochs: plan.epochs,
      stepInEpoch: this.stepInEpoch,
      stepsPerEpoch: plan.stepsPerEpoch,
      imagesPerSecond: this.meter.imagesPerSecond,
      secondsLeft: this.meter.secondsLeft(trainLeft, validationsLeft * split.validation.length),
      deviceBytes: executor.memory().bytes,
    };
  }
}
