import { describe, expect, it } from "vitest";
import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { FilmFrame } from "@/contracts/film";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { EpochRecord, TrainingEvent } from "@/contracts/training";
import { PairMaker } from "./batches";
import { RunControl } from "./control";
import { EventBatcher } from "./events";
import { LinearExecutor, linearWeights } from "./linearExecutor.fixture";
import { splitDataset } from "./split";
import { initialState, type Snapshot, type TrainingState } from "./state";
import type { TraceData } from "./trace";
import { type TrainingOutcome, train } from "./trainer";
import { meanLoss, validate } from "./validation";

const SIZE = 16;
const IMAGES = 40;
/** Ramps and squares: something else in every image. */
const images = Array.from({ length: IMAGES }, (_, index) =>
  Uint8Array.from({ length: SIZE * SIZE }, (_, i) => (i * (index % 5) + 40 + (i & index) * 7) % 256),
);
const reader: ImageReader = {
  count: IMAGES,
  size: SIZE,
  patientKeys: Array.from({ length: IMAGES }, (_, i) => `p${i >> 1}`),
  read: async (indices) => {
    const out = new Uint8Array(indices.length * SIZE * SIZE);
    Array.from(indices).forEach((index, i) => {
      out.set(images[index] as Uint8Array, i * SIZE * SIZE);
    });
    return out;
  },
};

type Training = Partial<RunConfig["training"]>;
function configOf(training: Training = {}, rest: Partial<RunConfig> = {}): RunConfig {
  const base: RunConfig = {
    ...DEFAULT_CONFIG,
    data: { ...DEFAULT_CONFIG.data, size: SIZE },
    ...rest,
  };
  return { ...base, training: { ...base.training, batchSize: 3, epochs: 4, loss: "l2", ...training } };
}

const splitOf = (config: RunConfig) =>
  splitDataset({
    patientKeys: reader.patientKeys,
    shares: config.data.split,
    by: config.data.splitBy,
    seed: config.seed,
  });

/** What a run leaves behind when its thread is gone: the last snapshot, and the curve as it was appended. */
class Stored {
  last: Snapshot | null = null;
  saves = 0;
  losses: number[] = [];
  trace: TraceData | null = null;
  epochsOfPreviews: number[] = [];
  frames = new Map<number, FilmFrame>();
  continued = 0;

  get film(): readonly FilmFrame[] {
    return [...this.frames.values()].sort((a, b) => a.step - b.step);
  }

  sink() {
    return {
      save: async (snapshot: Snapshot) => {
        const copy = structuredClone(snapshot);
        this.saves++;
        this.last = copy;
        if (copy.curve) {
          this.losses.length = copy.curve.firstStep - 1;
          this.losses.push(...copy.curve.losses);
        }
        if (copy.trace) this.trace = copy.trace;
        for (const step of copy.film?.dropped ?? []) this.frames.delete(step);
        for (const frame of copy.film?.frames ?? []) this.frames.set(frame.step, frame);
        if (copy.preview) this.epochsOfPreviews.push(copy.preview.epoch);
      },
      continued: async () => {
        this.continued++;
      },
    };
  }
}

interface Session {
  config: RunConfig;
  stored: Stored;
  control?: RunControl;
  prepare?: (executor: LinearExecutor) => void;
  send?: (event: TrainingEvent) => void;
  /** How far the clock jumps each time it is read. */
  tickMs?: number;
}

/** One thread's life: from the stored state, or from the start. */
async function live({
  config,
  stored,
  control,
  prepare,
  send,
  tickMs = 700,
}: Session): Promise<TrainingOutcome> {
  const from: TrainingState = stored.last?.state ?? initialState(linearWeights());
  const executor = new LinearExecutor(from.weights);
  prepare?.(executor);
  let clockMs = 0;
  const now = (): number => {
    clockMs += tickMs;
    return clockMs;
  };
  return train({
    config,
    reader,
    split: splitOf(config),
    executor,
    from,
    epochs: stored.last?.epochs ?? [],
    trace: stored.trace,
    film: stored.film,
    sink: stored.sink(),
    events: new EventBatcher(send ?? (() => undefined), now),
    control: control ?? new RunControl(),
    now,
  });
}

const withoutTimes = (epochs: readonly EpochRecord[]) =>
  epochs.map(({ seconds: _seconds, validationSeconds: _validationSeconds, ...rest }) => rest);
/** All numbers of a run that must not depend on what befell it. */
const numbersOf = (outcome: TrainingOutcome, stored: Stored) => ({
  epochs: withoutTimes(outcome.epochs),
  best: outcome.best,
  last: outcome.last,
  step: outcome.step,
  losses: stored.losses,
  moments: stored.last?.state.optimizer,
  trace: stored.trace,
});

async function undisturbed(config: RunConfig) {
  const stored = new Stored();
  return numbersOf(await live({ config, stored }), stored);
}

const killAt = (step: number) => (executor: LinearExecutor) => {
  executor.beforeStep = (number) => {
    if (number === step) throw new Error("killed");
  };
};

describe("a run", () => {
  it("learns, validates each epoch and keeps the best weights", async () => {
    const config = configOf();
    const stored = new Stored();
    const events: TrainingEvent[] = [];
    const outcome = await live({ config, stored, send: (event) => events.push(event) });
    const split = splitOf(config);
    const stepsPerEpoch = Math.ceil(split.train.length / 3);
    expect(outcome.ended).toBe("done");
    expect(outcome.step).toBe(4 * stepsPerEpoch);
    expect(outcome.epochs.map(({ epoch, step }) => [epoch, step])).toEqual(
      [1, 2, 3, 4].map((epoch) => [epoch, epoch * stepsPerEpoch]),
    );
    expect((outcome.epochs.at(-1) as EpochRecord).trainLoss).toBeLessThan(
      (outcome.epochs[0] as EpochRecord).trainLoss,
    );
    const lowest = Math.min(...outcome.epochs.map(({ validationLoss }) => validationLoss));
    expect(outcome.best.validationLoss).toBe(lowest);
    const firstLosses = stored.losses.slice(0, stepsPerEpoch);
    expect(outcome.epochs[0]?.trainLoss).toBeCloseTo(
      firstLosses.reduce((sum, loss) => sum + loss, 0) / stepsPerEpoch,
      6,
    );
    expect(stored.epochsOfPreviews).toEqual([1, 2, 3, 4]);
    const told = events.flatMap((event) => (event.type === "steps" ? [...event.steps.losses] : []));
    expect(told.length).toBeGreaterThan(0);
    expect(told).toEqual(stored.losses.slice(0, told.length));
  });

  it("films the untrained network, steps and every epoch", async () => {
    const config = configOf();
    const stored = new Stored();
    const outcome = await live({ config, stored, tickMs: 1 });
    // So short that there is room for a frame after each step.
    expect(stored.film.map(({ step, epoch }) => [step, epoch])).toEqual([
      [0, 0],
      ...Array.from({ length: 28 }, (_, i) => [i + 1, Math.floor(i / 7) + 1]),
    ]);
    const epochs = stored.film.filter(({ validationLoss }) => validationLoss !== null);
    expect(epochs.map(({ step, validationLoss }) => [step, validationLoss])).toEqual(
      outcome.epochs.map(({ step, validationLoss }) => [step, validationLoss]),
    );
    // It learns: the last frame is nearer to the clean images than the first.
    const mean = (frame: FilmFrame | undefined) => (frame?.psnrDb ?? []).reduce((a, b) => a + b, 0) / 3;
    expect(mean(stored.film.at(-1))).toBeGreaterThan(mean(stored.film[0]));
    expect(stored.film[0]?.denoised.length).toBe(3 * SIZE * SIZE);
  });

  it("leaves out frames within epochs where they would cost too much", async () => {
    const stored = new Stored();
    await live({ config: configOf(), stored, tickMs: 1500 });
    expect(stored.film.map(({ step }) => step)).toEqual([0, 1, 7, 14, 21, 28]);
  });

  it("validates with the mean of batch losses and per-image means, on the fixed noise", async () => {
    const config = configOf();
    const split = splitOf(config);
    const pairs = new PairMaker(reader, config.noise, config.seed);
    const executor = new LinearExecutor(linearWeights());
    const result = await validate({
      executor,
      pairs,
      indices: split.validation,
      size: SIZE,
      batchSize: 3,
      loss: "l1",
      between: async () => true,
    });
    const losses = [];
    for (let i = 0; i < split.validation.length; i += 3) {
      const { noisy, clean } = await pairs.pairs(split.validation.slice(i, i + 3), 0);
      losses.push(meanLoss("l1", noisy, clean));
    }
    expect(split.validation.length % 3).not.toBe(0);
    expect(result.loss).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / losses.length, 12);
    expect(result.images).toBe(split.validation.length);
  });

  it("ends after maxSteps, validating the short epoch", async () => {
    const outcome = await live({ config: configOf({ maxSteps: 9 }), stored: new Stored() });
    expect(outcome.step).toBe(9);
    expect(outcome.epochs.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 7],
      [2, 9],
    ]);
    expect(outcome.ended).toBe("done");
  });

  it("stops early when validation gets no better, and says so after a resume too", async () => {
    const config = configOf({ epochs: 50, earlyStoppingPatience: 2 });
    const stored = new Stored();
    const worsening = (executor: LinearExecutor): void => {
      let calls = 0;
      executor.infer = async (noisy) => {
        calls++;
        return noisy.map((value) => value + calls * 0.01);
      };
    };
    const outcome = await live({ config, stored, prepare: worsening });
    expect(outcome.epochs.length).toBe(3);
    expect(outcome.best.epoch).toBe(1);
    expect(outcome.ended).toBe("done");
    const again = await live({ config, stored, prepare: worsening });
    expect(numbersOf(again, stored)).toEqual(numbersOf(outcome, stored));
  });
});

describe("continuing from a checkpoint gives the same numbers", () => {
  it.each(["fresh", "once"] as const)("wherever it was killed (noise %s)", async (draw) => {
    const config = configOf({ epochs: 12 }, { noise: { ...DEFAULT_CONFIG.noise, draw }, trace: 10 });
    const expected = await undisturbed(config);
    expect(expected.losses.length).toBe(84);
    expect(expected.trace?.losses.length).toBe(10);
    expect(expected.trace?.final).not.toBeNull();
    for (const step of [1, 2, 6, 7, 8, 11, 40, 41, 83, 84]) {
      const stored = new Stored();
      await expect(live({ config, stored, prepare: killAt(step) })).rejects.toThrow("killed");
      expect(numbersOf(await live({ config, stored }), stored)).toEqual(expected);
    }
  });

  it("and the same film, no frame twice", async () => {
    const config = configOf({ epochs: 70 });
    const whole = new Stored();
    await live({ config, stored: whole, tickMs: 1 });
    for (const kills of [[1], [3], [8], [15, 16, 300, 488]]) {
      const stored = new Stored();
      for (const step of kills)
        await expect(live({ config, stored, tickMs: 1, prepare: killAt(step) })).rejects.toThrow("killed");
      await live({ config, stored, tickMs: 1 });
      expect(stored.film).toEqual(whole.film);
    }
  });

  it("when killed again and again, within an epoch too", async () => {
    // Slow enough for two minutes to pass within an epoch of 20 steps.
    const tickMs = 8000;
    const config = configOf({ epochs: 3, batchSize: 1 }, { trace: 25 });
    const expected = await undisturbed(config);
    const stored = new Stored();
    const savedAt = new Set<number>();
    for (const step of [19, 39, 41, 55, 60]) {
      await expect(live({ config, stored, tickMs, prepare: killAt(step) })).rejects.toThrow("killed");
      if (stored.last) savedAt.add(stored.last.state.stepInEpoch);
    }
    expect(numbersOf(await live({ config, stored }), stored)).toEqual(expected);
    expect([...savedAt].some((stepInEpoch) => stepInEpoch > 0)).toBe(true);
  });

  it("when paused, whether it goes on or its tab is closed", async () => {
    const config = configOf();
    const expected = await undisturbed(config);
    const control = new RunControl();
    const stored = new Stored();
    const phases: string[] = [];
    const running = live({
      config,
      stored,
      control,
      prepare: (executor) => {
        executor.beforeStep = (step) => {
          if (step === 10) control.pause();
        };
      },
      send: (event) => {
        if (event.type === "phase") phases.push(event.phase);
      },
    });
    while (phases.at(-1) !== "paused") await new Promise((resolve) => setTimeout(resolve));
    expect(stored.last).toMatchObject({ paused: true, state: { step: 10, epoch: 2, stepInEpoch: 3 } });
    const closed = new Stored();
    Object.assign(closed, structuredClone({ ...stored }));
    control.continue();
    expect(numbersOf(await running, stored)).toEqual(expected);
    // What has been stored is not stored again.
    expect(stored.epochsOfPreviews).toEqual([1, 2, 3, 4]);
    expect(stored.continued).toBe(1);
    expect(numbersOf(await live({ config, stored: closed }), closed)).toEqual(expected);
  });

  it("when stopped in a step, or while validating", async () => {
    const config = configOf();
    const expected = await undisturbed(config);
    for (const when of ["step", "validation"]) {
      const control = new RunControl();
      const stored = new Stored();
      const outcome = await live({
        config,
        stored,
        control,
        prepare: (executor) => {
          const infer = executor.infer.bind(executor);
          executor.beforeStep = (step) => {
            if (step === 10 && when === "step") control.stop();
          };
          executor.infer = async (noisy) => {
            if (when === "validation" && stored.last?.state.step === 7 && executor.trainedOn.length === 14)
              control.stop();
            return infer(noisy);
          };
        },
      });
      expect(outcome.ended).toBe("stopped");
      expect(outcome.step).toBe(when === "step" ? 10 : 14);
      expect(outcome.epochs.length).toBe(1);
      expect(stored.last?.state).toMatchObject(
        when === "step" ? { epoch: 2, stepInEpoch: 3 } : { epoch: 2, stepInEpoch: 7 },
      );
      expect(numbersOf(await live({ config, stored }), stored)).toEqual(expected);
    }
  });
});

describe("a stop before the first validation", () => {
  it("measures the weights it has; a second stop cuts that short", async () => {
    for (const hurry of [false, true]) {
      const control = new RunControl();
      let measured = 0;
      const outcome = await live({
        config: configOf(),
        stored: new Stored(),
        control,
        prepare: (executor) => {
          const infer = executor.infer.bind(executor);
          executor.beforeStep = (step) => {
            if (step === 2) control.stop();
          };
          executor.infer = async (noisy) => {
            if (control.stopWanted) {
              measured++;
              if (hurry) control.stop();
            }
            return infer(noisy);
          };
        },
      });
      expect(outcome).toMatchObject({ ended: "stopped", step: 2, epochs: [], best: { epoch: 1 } });
      expect(outcome.best.weights).toEqual(outcome.last);
      expect(measured > 1).toBe(!hurry);
    }
  });
});

describe("a failure", () => {
  const failureOf = async (session: Session) => {
    const error = await live(session).catch((thrown: unknown) => thrown);
    if (!(error instanceof LabError)) throw error;
    return error.failure;
  };

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "of the loss (%f) says what to do and keeps the checkpoint",
    async (bad) => {
      const stored = new Stored();
      const prepare = (executor: LinearExecutor): void => {
        executor.lossOf = (step, loss) => (step === 9 ? bad : loss);
      };
      const failure = await failureOf({ config: configOf(), stored, prepare });
      expect(failure.code).toBe("training/nan-loss");
      expect(failure.message).toMatch(/step 9 \(epoch 2\)/);
      expect(failure.remedy).toMatch(/learning rate below 0\.001; the checkpoint of step 7/);
      expect(stored.last?.state.step).toBe(7);
    },
  );

  it("never lets broken weights replace a good checkpoint", async () => {
    const stored = new Stored();
    const prepare = (executor: LinearExecutor): void => {
      const read = executor.readWeights.bind(executor);
      executor.readWeights = async () => {
        const weights = await read();
        if (executor.trainedOn.length >= 14)
          weights.set("gain", { shape: [1], data: Float32Array.of(Number.NaN) });
        return weights;
      };
    };
    const failure = await failureOf({ config: configOf(), stored, prepare });
    expect(failure).toMatchObject({ code: "training/nan-loss", message: expect.stringContaining("gain") });
    expect(stored.last?.state.step).toBe(7);
  });

  it("of the device names the checkpoint that is kept", async () => {
    const prepare = (executor: LinearExecutor): void => {
      executor.beforeStep = (step) => {
        if (step === 9)
          throw new LabError("engine/device-lost", "The graphics device was lost.", "Reload the page.");
      };
    };
    const failure = await failureOf({ config: configOf(), stored: new Stored(), prepare });
    expect(failure).toEqual({
      code: "engine/device-lost",
      message: "The graphics device was lost.",
      remedy: "Reload the page. The checkpoint of step 7 is kept: resume from there.",
    });
  });
});
