import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { decodeImage } from "@/imaging/decode";
import { readSafetensors } from "@/model/safetensors";
import { exampleRun } from "./exampleRun.fixture";
import { readRunFiles } from "./importRun";
import { partialResult } from "./partialResult";
import { batchTensors, type ExportedImage, type RunFile, runFiles } from "./runFiles";
import { lazyFiles, zipFiles } from "./runZip";

const SIZE = 16;
const PATHS = new Map([
  ["3".repeat(64), "images_001/00000003_000.png"],
  ["9".repeat(64), 'a "quoted", name.png'],
]);
const FALLBACK = { id: "fallback", name: "From files", createdAt: 5 };

const REPLICA = { adapter: "processor", shared: true, computeMs: 100, exchangeMs: 10 };

const image = (value: number): ExportedImage => ({
  clean: new Float32Array(SIZE * SIZE).fill(value),
  noisy: new Float32Array(SIZE * SIZE).fill(value + 0.1),
  denoised: new Float32Array(SIZE * SIZE).fill(-0.25),
});

function exampleFiles(): AsyncGenerator<RunFile> {
  const stored = exampleRun();
  return runFiles({
    stored,
    result: stored.run.result,
    paths: PATHS,
    images: [image(0.5), image(0.25)],
    notes: [],
  });
}

async function collected(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { path, bytes } of exampleFiles()) files.set(path, bytes);
  return files;
}

const textOf = (files: Map<string, Uint8Array>, path: string): string =>
  new TextDecoder().decode(files.get(path));

const looseFiles = (files: Map<string, Uint8Array<ArrayBuffer>>, folder = "results/first/"): File[] =>
  [...files].map(([path, bytes]) => {
    const file = new File([bytes], path.split("/").at(-1) as string);
    Object.defineProperty(file, "webkitRelativePath", { value: folder + path });
    return file;
  });

async function failureOfImport(files: readonly File[]): Promise<LabError["failure"]> {
  const error: unknown = await lazyFiles(files)
    .then((lazy) => readRunFiles(lazy, FALLBACK))
    .catch((thrown: unknown) => thrown);
  if (error instanceof LabError) return error.failure;
  throw new Error(`not refused with a code: ${String(error)}`);
}

describe("runFiles", () => {
  it("writes every file of the headless contract", async () => {
    const files = await collected();
    expect([...files.keys()].sort()).toEqual(
      [
        "result.json",
        "report.md",
        "epochs.csv",
        "per-image-more.csv",
        "per-image.csv",
        "steps.csv",
        "test-images.csv",
        "model.safetensors",
        "last.safetensors",
        ...["initial", "gradients", "batches", "final"].map((name) => `trace/${name}.safetensors`),
        "trace/losses.json",
        "film/film.json",
        ...["noisy", "clean", ...[0, 1, 2, 4].map((step) => `step-0000000${step}`)].map(
          (name) => `film/${name}.png`,
        ),
        ...["000", "001"].flatMap((number) =>
          ["clean", "noisy", "denoised"].flatMap((kind) => [
            `images/${number}_${kind}.png`,
            `arrays/${number}_${kind}.npy`,
          ]),
        ),
      ].sort(),
    );
  });

  it("has the columns of the contract, names where known and short hashes elsewhere", async () => {
    const files = await collected();
    const lines = textOf(files, "per-image.csv").split("\n");
    expect(lines[0]).toBe("file,psnr_db,ssim,lpips,noisy_psnr_db,noisy_ssim,noisy_lpips");
    expect(lines[1]).toBe(
      "images_001/00000003_000.png,26,0.8300000000000001,,20.428571428571427,0.43000000000000005,",
    );
    expect(textOf(files, "per-image-more.csv").split("\n").slice(0, 2)).toEqual([
      "file,mae,ssim_gaussian,ms_ssim,noisy_mae,noisy_ssim_gaussian,noisy_ms_ssim",
      "images_001/00000003_000.png,0.013000000000000001,0.88,,0.083,0.48,",
    ]);
    expect(lines[2]?.startsWith('"a ""quoted"", name.png",28,')).toBe(true);
    expect(lines[3]?.startsWith("444444444444,")).toBe(true);
    expect(textOf(files, "epochs.csv").split("\n").slice(0, 2)).toEqual([
      "epoch,step,train_loss,validation_loss,validation_psnr_db,validation_ssim,seconds,validation_seconds",
      "1,2,0.1,0.09,21,0.6,1.25,0.25",
    ]);
  });

  it("has every field of the contract in result.json", async () => {
    const result = JSON.parse(textOf(await collected(), "result.json")) as Record<string, unknown>;
    expect(result["schemaVersion"]).toBe(1);
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining([
        ...["config", "environment", "model", "dataset", "timing", "memory", "epochs", "best", "test"],
        "replicas",
      ]),
    );
    expect(result["config"]).toEqual(exampleRun().run.config);
  });

  it("keeps the config in the weights' metadata", async () => {
    const files = await collected();
    const { tensors, metadata } = readSafetensors(files.get("model.safetensors") as Uint8Array);
    expect(JSON.parse(metadata["config"] as string)).toEqual(exampleRun().run.config);
    expect(metadata["weights"]).toBe("best");
    expect(tensors).toEqual(exampleRun().weights.best);
  });

  it("writes pictures at 16 bit and arrays as float32 that is not clamped", async () => {
    const files = await collected();
    const png = await decodeImage(files.get("images/001_clean.png") as Uint8Array, "001_clean.png");
    expect(png).toMatchObject({ width: SIZE, height: SIZE, channels: 1, bits: 16 });
    expect(png.data[0]).toBe(Math.round(0.25 * 65535));
    const npy = files.get("arrays/000_denoised.npy") as Uint8Array<ArrayBuffer>;
    const headerLength = new DataView(npy.buffer, npy.byteOffset).getUint16(8, true);
    const header = new TextDecoder().decode(npy.slice(10, 10 + headerLength));
    expect(header).toContain("'descr': '<f4', 'fortran_order': False, 'shape': (16, 16)");
    const values = new Float32Array(npy.slice(10 + headerLength).buffer);
    expect(values).toHaveLength(SIZE * SIZE);
    expect(values[7]).toBe(-0.25);
  });

  it("fills a smaller batch of the trace with zeros and says how many images are real", () => {
    const { trace } = exampleRun();
    const tensors = batchTensors(trace ?? { batches: [] }, SIZE);
    expect(tensors.get("noisy")?.shape).toEqual([2, 2, 1, SIZE, SIZE]);
    expect([...(tensors.get("images")?.data ?? [])]).toEqual([2, 1]);
    const noisy = tensors.get("noisy")?.data as Float32Array;
    expect([noisy[0], noisy[2 * 256], noisy[3 * 256]]).toEqual([0.25, 0.75, 0]);
    const even = batchTensors({ batches: trace?.batches.slice(0, 1) ?? [] }, SIZE);
    expect([...even.keys()]).toEqual(["noisy", "clean"]);
  });

  it("have a dimension for replicas, whose images follow each other", () => {
    const area = SIZE * SIZE;
    const pixels = (...values: number[]) =>
      Float32Array.from({ length: values.length * area }, (_, i) => values[Math.floor(i / area)] as number);
    const batches = [
      { images: 4, noisy: pixels(1, 2, 3, 4), clean: pixels(0, 0, 0, 0), replicas: [2, 2] },
      { images: 3, noisy: pixels(5, 6, 7), clean: pixels(0, 0, 0), replicas: [2, 1] },
    ];
    const tensors = batchTensors({ batches }, SIZE);
    const noisy = tensors.get("noisy");
    expect(noisy?.shape).toEqual([2, 2, 2, 1, SIZE, SIZE]);
    expect(Array.from({ length: 8 }, (_, image) => noisy?.data[image * area])).toEqual([
      1, 2, 3, 4, 5, 6, 7, 0,
    ]);
    expect(tensors.get("images")).toEqual({ shape: [2, 2], data: Float32Array.of(2, 2, 2, 1) });
  });
});

describe("export and import", () => {
  it("gives the same run back from the zip", async () => {
    const blob = await zipFiles(exampleFiles());
    const back = await readRunFiles(await lazyFiles([new File([blob], "run.zip")]), FALLBACK);
    const { trace: _, ...expected } = exampleRun();
    expect(back).toEqual({ ...expected, trace: null });
  });

  it("gives the same run back from the folder, also with what the headless driver added", async () => {
    const files = await collected();
    const result = JSON.parse(textOf(files, "result.json")) as object;
    const network = { ...result, network: { externalRequests: 0 } };
    files.set("result.json", new TextEncoder().encode(JSON.stringify(network)));
    const back = await readRunFiles(await lazyFiles(looseFiles(files)), FALLBACK);
    expect(back.run).toEqual(exampleRun().run);
    expect(back.weights).toEqual(exampleRun().weights);
  });

  it("reads a result folder with only what the contract promises", async () => {
    const files = await collected();
    for (const extra of ["steps.csv", "test-images.csv"]) files.delete(extra);
    const { run: _, ...result } = JSON.parse(textOf(files, "result.json")) as Record<string, unknown>;
    files.set("result.json", new TextEncoder().encode(JSON.stringify(result)));
    const back = await readRunFiles(await lazyFiles(looseFiles(files)), FALLBACK);
    expect(back.run).toMatchObject({ ...FALLBACK, status: "done", step: 4 });
    expect(back.run.perImage?.[2]).toMatchObject({ index: 2, contentHash: "444444444444" });
    expect(back.curve.losses).toHaveLength(0);
  });

  it("keeps a stopped run's partial result, without an interval for nothing", async () => {
    const stored = exampleRun();
    const result = partialResult(stored, {
      environment: { adapter: null, features: [], limits: {}, userAgent: "Test/1.0", cores: 2, commit: "x" },
      dataset: null,
      replicas: [0, 1].map((rank) => ({ ...REPLICA, images: 8 + rank, share: 0.5, lost: null })),
    });
    expect(result.replicas).toEqual([0, 1].map((rank) => ({ ...REPLICA, images: 8 + rank, lost: null })));
    expect(result.best).toEqual({ epoch: 2, validationLoss: 0.07 });
    expect(result.timing.stepMsP95).toBe(700);
    const run = { ...stored.run, status: "interrupted" as const, perImage: null, result: null };
    const files = runFiles({ stored: { ...stored, run }, result, paths: PATHS, images: [], notes: [] });
    const back = await readRunFiles(
      await lazyFiles([new File([await zipFiles(files)], "run.zip")]),
      FALLBACK,
    );
    expect(back.run).toMatchObject({ status: "stopped", perImage: null });
    expect(back.run.result?.memory.deviceBytesPeak).toBeNaN();
    expect(back.run.result?.replicas).toEqual(result.replicas);
  });

  it("refuses what is newer, broken or not a run, in one sentence each", async () => {
    const edited = async (edit: (files: Map<string, Uint8Array<ArrayBuffer>>) => void) => {
      const files = await collected();
      edit(files);
      return failureOfImport(looseFiles(files));
    };
    const setText = (path: string, change: (text: string) => string) =>
      edited((files) => {
        files.set(path, new TextEncoder().encode(change(textOf(files, path))));
      });
    const codes = {
      newer: await setText("result.json", (text) => text.replace('"schemaVersion": 1', '"schemaVersion": 2')),
      cut: await setText("result.json", (text) => text.slice(0, 500)),
      field: await setText("result.json", (text) => text.replace('"train": 4', '"train": "four"')),
      size: await setText("result.json", (text) => text.replace('"size": 16', '"size": 17')),
      columns: await setText("per-image.csv", (text) => text.replace("ssim", "similarity")),
      cells: await setText("steps.csv", (text) => text.replace("600", "fast")),
      weights: await edited((files) => {
        files.set(
          "model.safetensors",
          (files.get("model.safetensors") as Uint8Array<ArrayBuffer>).slice(0, -8),
        );
      }),
      none: await failureOfImport([new File(["x"], "notes.txt")]),
      zip: await failureOfImport([new File([(await zipFiles(exampleFiles())).slice(0, 900)], "run.zip")]),
      several: await failureOfImport([
        ...looseFiles(await collected(), "sweep/a/"),
        ...looseFiles(await collected(), "sweep/b/"),
      ]),
    };
    expect(Object.fromEntries(Object.entries(codes).map(([key, { code }]) => [key, code]))).toEqual({
      newer: "run/newer",
      cut: "run/corrupt",
      field: "run/corrupt",
      size: "shape/size",
      columns: "run/corrupt",
      cells: "run/corrupt",
      weights: "weights/truncated",
      none: "run/no-result",
      zip: "run/corrupt",
      several: "run/several",
    });
    expect(codes.field.message).toContain("dataset.train");
    for (const { message, remedy } of Object.values(codes)) {
      expect(message).toMatch(/\.$/);
      expect(remedy).toMatch(/\.$/);
    }
  });
});
