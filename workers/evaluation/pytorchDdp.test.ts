import "fake-indexeddb/auto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { DEFAULT_CONFIG, isSynchronised, type RunConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import { referenceEngine } from "@/engine/reference/engine";
import { meeting } from "@/engine/synchroniser.fixture";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { readSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { importImages } from "../import/importImages";
import { makePixels } from "../import/makePixels";
import { PYTHON, python, unpackedBundle } from "./pytorch.fixture";

const XRAYS = resolve("../shared/data/cxr256");
const SIZE = 32;
const IMAGES = 45;
const STEPS = 9;
const REPLICAS = 2;
/** PyTorch computes in float32, the reference executor in float64. */
const LOSS_RTOL = 1e-5;
/** Python 3.11 and PyTorch 1.13 (Debian 12) do not start without the last two: an enumeration lost its zero. */
const TORCHRUN = ["-m", "torch.distributed.run", "--standalone", `--nproc_per_node=${REPLICAS}`];
const WITH_ITS_FLAW = ["--redirects=2", "--tee=2"];

const CONFIG: RunConfig = {
  ...DEFAULT_CONFIG,
  seed: 3,
  data: { ...DEFAULT_CONFIG.data, size: SIZE },
  model: { name: "unet", width: 2, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, batchSize: 3 },
  engine: { ...DEFAULT_CONFIG.engine, setup: `ddp:${REPLICAS}` },
};

const missing =
  PYTHON === null ? "no python3 with torch and numpy" : existsSync(XRAYS) ? null : `${XRAYS} is not here`;
if (missing !== null) console.warn(`skipped: ${missing}, so no two processes of PyTorch train on X-rays`);

/** Imports X-rays as the import worker does; the dataset's id. */
async function storeXrays(): Promise<string> {
  const names = readdirSync(XRAYS)
    .filter((name) => name.endsWith(".png"))
    .slice(0, IMAGES);
  const sources = names.map((path) => ({ path, file: new File([readFileSync(join(XRAYS, path))], path) }));
  const { dataset } = await importImages(
    { name: "X-rays", size: SIZE, sources, patientCsv: null, resumeDatasetId: null, maxImages: null },
    {
      maker: { tasksInFlight: 1, make: async (task) => ({ ok: true, value: await makePixels(task) }) },
      onProgress: () => undefined,
      isCancelled: () => false,
      freeBytes: async () => null,
    },
  );
  return dataset.id;
}

/** The mean of gradients, as replicas exchange it. */
function meanOf(gradients: readonly StateDict[]): StateDict {
  const [first = new Map()] = gradients;
  return new Map(
    [...first].map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: data.map(
          (_: number, i: number) =>
            gradients.reduce((sum, other) => sum + (other.get(name)?.data[i] ?? Number.NaN), 0) /
            gradients.length,
        ),
      },
    ]),
  );
}

/** The lab's own two replicas on the batches of a trace: BatchNorm as configured, one mean gradient, one step of Adam each. */
async function trainReplicas(config: RunConfig, trace: string): Promise<number[]> {
  const { tensors } = readSafetensors(readFileSync(join(trace, "batches.safetensors")));
  const [noisy, clean] = [tensors.get("noisy"), tensors.get("clean")];
  if (!noisy || !clean) throw new Error("no batches");
  const [steps = 0, replicas = 0, most = 0] = noisy.shape;
  const graph = buildGraph(config.model);
  const { beta1, beta2, epsilon, loss, learningRate } = config.training;
  const executors = await Promise.all(
    Array.from({ length: replicas }, () =>
      referenceEngine.create({
        graph,
        weights: initialWeights(graph, config.seed),
        height: SIZE,
        width: SIZE,
        loss,
        adam: { beta1, beta2, epsilon },
      }),
    ),
  );
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const images = tensors.get("images")?.data[step * replicas] ?? most;
    const synchronisers = isSynchronised(config) ? meeting(replicas) : [];
    const own = await Promise.all(
      executors.map((executor, rank) => {
        const at = (step * replicas + rank) * most * SIZE * SIZE;
        const part = (all: Float32Array<ArrayBuffer>) => all.slice(at, at + images * SIZE * SIZE);
        const batch = { images, noisy: part(noisy.data), clean: part(clean.data) };
        return executor.computeGradients(batch, synchronisers[rank]);
      }),
    );
    losses.push(own.reduce((sum, loss) => sum + loss, 0) / replicas);
    const mean = meanOf(await Promise.all(executors.map((executor) => executor.readGradients())));
    for (const executor of executors) {
      await executor.writeGradients(mean);
      await executor.applyGradients(learningRate);
    }
  }
  for (const executor of executors) await executor.dispose();
  return losses;
}

const folders: string[] = [];
afterEach(async () => {
  await closeDatabase();
  await new Promise((done) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = done;
  });
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

describe.skipIf(missing !== null)("two gloo processes under torchrun, on X-rays", () => {
  const cases = [
    ["train as DistributedDataParallel in one process does, and as two replicas of the lab do", "local"],
    [
      "with synchronised BatchNorm, as one process with all images does, and as two replicas of the lab do",
      "synchronised",
    ],
  ] as const;
  it.each(cases)("%s", async (_, batchNorm) => {
    const config: RunConfig = {
      ...CONFIG,
      engine: { ...CONFIG.engine, batchNorm },
      data: { ...CONFIG.data, source: `dataset:${await storeXrays()}` },
    };
    const folder = await unpackedBundle("X-rays", config);
    folders.push(folder);
    const training = ["pytorch/train.py", "--bundle", ".", "--steps", String(STEPS), "--trace"];
    python(folder, ...TORCHRUN, ...WITH_ITS_FLAW, ...training);
    const said = python(folder, resolve("pytorch/check_ddp.py"), ".", "result");
    expect(said.match(/^ok /gm), said).toHaveLength(3);

    const result = JSON.parse(readFileSync(join(folder, "result", "result.json"), "utf8"));
    expect(result.config.engine.setup).toBe("ddp:2");
    expect(result.replicas).toMatchObject([{ shared: true }, { shared: true }]);
    const losses: number[] = JSON.parse(readFileSync(join(folder, "result/trace/losses.json"), "utf8"));
    const ours = await trainReplicas(config, join(folder, "result", "trace"));
    expect(ours).toHaveLength(STEPS);
    ours.forEach((loss, step) => {
      expect(Math.abs(loss / (losses[step] as number) - 1), `step ${step + 1}`).toBeLessThan(LOSS_RTOL);
    });
  });
});
