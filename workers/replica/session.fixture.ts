import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import type { TrainingEvent } from "@/contracts/training";
import type { LeaderLinks } from "@/contracts/workers";
import type { Engine, Executor } from "@/engine/executor";
import { referenceEngine } from "@/engine/reference/engine";
import { readSafetensors } from "@/model/safetensors";
import { openDatabase } from "@/storage/database";
import { readFilm } from "@/storage/films";
import { modelsOfRun } from "@/storage/models";
import { getPreview } from "@/storage/previews";
import { getRun, getTrace, readCurve } from "@/storage/runs";
import { RunControl } from "@/training/control";
import { EventBatcher } from "@/training/events";
import type { SessionContext } from "./engines";
import { startSession } from "./session";

/** A small stored dataset, an engine that can be disturbed, and a session's surroundings, for tests of whole runs. */

const SIZE = 16;
export const IMAGES = 16;

export const CONFIG: RunConfig = {
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, source: "dataset:d", size: SIZE },
  model: { name: "unet", width: 1, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, batchSize: 3, epochs: 3 },
  // The only engine of these tests, under a name that a config may have.
  engine: { ...DEFAULT_CONFIG.engine, name: "tfjs-cpu" },
  trace: 2,
};

/** A dataset of 16 small images of 8 patients, all different. */
export async function storeDataset(images = IMAGES): Promise<void> {
  const database = await openDatabase();
  await database.put("datasets", {
    id: "d",
    name: "test",
    kind: "imported",
    size: SIZE,
    imageCount: images,
    patientCount: images / 2,
    patientSource: "csv",
    bytes: images * SIZE * SIZE,
    imagesPerShard: images,
    createdAt: 1,
    status: "ready",
    fingerprint: "f00d",
  });
  for (let index = 0; index < images; index++)
    await database.put("images", {
      datasetId: "d",
      index,
      contentHash: `hash${index}`,
      patientKey: `p${index >> 1}`,
    });
  const pixels = Uint8Array.from({ length: images * SIZE * SIZE }, (_, i) => {
    const index = Math.floor(i / (SIZE * SIZE));
    return 60 + ((i * (1 + (index % 3))) % 100) + index * 4;
  });
  await database.put("shards", { datasetId: "d", shard: 0, count: images, pixels });
}

type StepHook = (step: number) => Promise<void> | void;

/** The reference engine, its state rounded to float32 after each step, as an engine that keeps float32 has it. */
export function engineWith(beforeStep: StepHook, lossOf = (_step: number, loss: number) => loss): Engine {
  return {
    name: "tfjs-cpu",
    unavailable: async () => null,
    create: async (options) => {
      const executor: Executor = await referenceEngine.create(options);
      const trainStep = executor.trainStep.bind(executor);
      executor.trainStep = async (batch, learningRate) => {
        const step = (await executor.readOptimizer()).step + 1;
        await beforeStep(step);
        const loss = await trainStep(batch, learningRate);
        await executor.writeWeights(await executor.readWeights());
        await executor.writeOptimizer(await executor.readOptimizer());
        return lossOf(step, loss);
      };
      return executor;
    },
  };
}

export interface Thread {
  readonly events: TrainingEvent[];
  readonly control: RunControl;
  readonly waits: readonly number[];
  readonly context: SessionContext;
}

/** Its clock goes on by `tickMs` each time it is read; `waits` are the pauses it was asked for, none of which takes time. */
export function thread(
  engine: Engine = engineWith(() => undefined),
  tickMs = 50,
  links: LeaderLinks | null = null,
): Thread {
  const events: TrainingEvent[] = [];
  const control = new RunControl();
  const waits: number[] = [];
  let clockMs = 0;
  const now = (): number => {
    clockMs += tickMs;
    return clockMs;
  };
  const context: SessionContext = {
    engines: {
      get: (name) => (name === engine.name ? engine : null),
      choose: async () => ({ engine, timingsMs: { [engine.name]: 7 } }),
    },
    events: new EventBatcher((event) => events.push(event), now),
    control,
    now,
    links,
    wait: async (ms) => {
      waits.push(ms);
    },
  };
  return { events, control, waits, context };
}

export const start = (
  { context }: Thread,
  runId: string,
  config = CONFIG,
  weights: Uint8Array<ArrayBuffer> | null = null,
) => startSession({ runId, name: "a run", config, initialWeights: weights }, context);

/** Everything about a stored run that must be the same whatever befell it. */
export async function numbersOf(runId: string) {
  const run = await getRun(runId);
  const models = await modelsOfRun(runId);
  return {
    status: run.status,
    step: run.step,
    epochs: run.epochs.map(({ seconds: _s, validationSeconds: _v, ...numbers }) => numbers),
    best: run.result?.best,
    test: run.result?.test,
    perImage: run.perImage,
    losses: (await readCurve(runId)).losses,
    preview: { ...(await getPreview(runId)), runId: null },
    // Frames within epochs may be left out when time is short.
    film: (await readFilm(runId))?.frames
      .filter(({ step, validationLoss }) => step === 0 || validationLoss !== null)
      .map((frame) => ({ ...frame, runId: null })),
    trace: { ...(await getTrace(runId)), runId: null },
    models: models.map(({ kind, bytes }) => [kind, readSafetensors(bytes).tensors]),
  };
}
