import "fake-indexeddb/auto";
import { readFileSync } from "node:fs";
import { packTar } from "modern-tar";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LabError, outcomeOf } from "@/contracts/failure";
import type { ImportProgress, ImportRequest } from "@/contracts/workers";
import { encodePng8 } from "@/imaging/encodePng";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getDataset, listDatasets, listImages, openImageReader } from "@/storage/datasets";
import { DatasetWriter } from "@/storage/datasetWriter";
import type { DecodeTask, ImageMaker } from "./decodePool";
import { type ImportTools, importImages } from "./importImages";
import { makePhantoms } from "./makePhantoms";
import { makePixels } from "./makePixels";

const SIZE = 16;

/** Decodes on this thread; later tasks are done first, as far as two may overtake each other. */
class Maker implements ImageMaker {
  readonly tasksInFlight = 4;
  tasks = 0;
  async make(task: DecodeTask) {
    const order = this.tasks++;
    await new Promise((resolve) => setTimeout(resolve, order % 2 === 0 ? 4 : 0));
    return outcomeOf(() => makePixels(task));
  }
}

const tools = (change: Partial<ImportTools & { maker: Maker }> = {}): ImportTools & { maker: Maker } => ({
  maker: new Maker(),
  onProgress: () => undefined,
  isCancelled: () => false,
  freeBytes: () => Promise.resolve(null),
  ...change,
});

/** A PNG of its own content: a ramp shifted by `value`. */
const png = (value: number, size = SIZE): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    encodePng8(
      size,
      size,
      Uint8Array.from({ length: size * size }, (_, i) => (i + value * 5) & 255),
    ),
  );
const source = (path: string, bytes: BlobPart) => ({ path, file: new File([bytes], path) });
const request = (sources: ImportRequest["sources"], change: Partial<ImportRequest> = {}): ImportRequest => ({
  name: "lungs",
  size: SIZE,
  sources,
  patientCsv: null,
  resumeDatasetId: null,
  maxImages: null,
  ...change,
});
const firstPixels = async (id: string): Promise<number[]> => {
  const reader = await openImageReader(id);
  const pixels = await reader.read(Array.from({ length: reader.count }, (_, i) => i));
  return Array.from({ length: reader.count }, (_, i) => pixels[i * SIZE * SIZE] as number);
};
const codes = (skipped: readonly { path: string; failure: { code: string } }[]) =>
  skipped.map(({ path, failure }) => [path, failure.code]);

afterEach(async () => {
  vi.restoreAllMocks();
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("importImages", () => {
  it("stores images by path whatever decodes first, once each, and lists what it skips", async () => {
    const good = png(1);
    const damaged = png(9);
    damaged[50] = (damaged[50] as number) ^ 255;
    const report = await importImages(
      request([
        source("set/00000002_000.png", png(3)),
        source("set/00000001_001.png", png(2)),
        source("set/00000001_000.png", good),
        source("set/copy.png", good),
        source("set/damaged.png", damaged),
        source("set/damaged-copy.png", damaged),
        source("set/cut.png", png(8).slice(0, 60)),
        source("set/notes.csv", "a,b"),
        source("set/small.png", png(4, 8)),
        source("set/fake.png", "no image"),
        source("set/.DS_Store", "x"),
      ]),
      tools(),
    );
    expect(codes(report.skipped)).toEqual([
      ["set/cut.png", "decode/truncated"],
      ["set/damaged-copy.png", "decode/corrupt"],
      ["set/damaged.png", "decode/corrupt"],
      ["set/fake.png", "decode/not-an-image"],
      ["set/notes.csv", "decode/not-an-image"],
      ["set/small.png", "shape/too-small"],
    ]);
    expect(report).toMatchObject({ duplicates: 1, cancelled: false, ended: null });
    expect(report.dataset).toMatchObject({
      name: "lungs",
      imageCount: 3,
      patientCount: 2,
      patientSource: "nih-name",
      status: "ready",
    });
    expect(await firstPixels(report.dataset.id)).toEqual([5, 10, 15]);
    const images = await listImages(report.dataset.id);
    expect(images[0]?.patientKey).toBe(images[1]?.patientKey);
    expect(images[0]?.patientKey).not.toBe(images[2]?.patientKey);
    expect(report.paths.get(images[2]?.contentHash ?? "")).toBe("set/00000002_000.png");
  });

  it("takes patients from a table", async () => {
    const { dataset } = await importImages(
      request([source("a.png", png(1)), source("b.png", png(2)), source("c.png", png(3))], {
        patientCsv: "file,patient\na.png,x\nc.png,x\n",
      }),
      tools(),
    );
    expect(dataset).toMatchObject({ patientSource: "csv", patientCount: 2 });
  });

  it("reads archives among files, and keeps what came before damage", async () => {
    const tar = await packTar(
      [5, 6, 7].map((value) => {
        const body = png(value);
        return { header: { name: `${value}.png`, size: body.length }, body };
      }),
    );
    const seen: ImportProgress[] = [];
    const report = await importImages(
      request([
        source("z.png", png(9)),
        source("a.tar", tar),
        source("b.tar", tar.slice(0, 1300)),
        source("c.zip", "PK not a zip"),
      ]),
      tools({ onProgress: (progress) => seen.push(progress) }),
    );
    expect(await firstPixels(report.dataset.id)).toEqual([25, 30, 35, 45]);
    expect(report.duplicates).toBe(1);
    expect(codes(report.skipped)).toEqual([
      ["b.tar", "decode/archive"],
      ["c.zip", "decode/archive"],
    ]);
    expect([...report.paths.values()]).toContain("a.tar/6.png");
    expect(seen[0]?.total).toBeNull();
    expect(seen.at(-1)).toMatchObject({ done: 7, total: 7, stored: 4, duplicates: 1, skipped: 2 });
  });

  it("stops at maxImages", async () => {
    const sources = [1, 2, 3, 4, 5, 6, 7, 8].map((value) => source(`${value}.png`, png(value)));
    const { dataset } = await importImages(request(sources, { maxImages: 3 }), tools());
    expect(await firstPixels(dataset.id)).toEqual([5, 10, 15]);
    expect(dataset.status).toBe("ready");
  });

  it("keeps what was stored when cancelled, and goes on without importing twice", async () => {
    const sources = Array.from({ length: 30 }, (_, i) =>
      source(`${String(i).padStart(2, "0")}.png`, png(i + 1)),
    );
    let done = 0;
    const cut = await importImages(
      request(sources),
      tools({
        isCancelled: () => done >= 10,
        onProgress: () => undefined,
        maker: new CountingMaker(() => done++),
      }),
    );
    expect(cut.cancelled).toBe(true);
    const { imageCount } = cut.dataset;
    expect(imageCount).toBeGreaterThan(0);
    expect(imageCount).toBeLessThan(30);
    expect((await getDataset(cut.dataset.id)).status).toBe("importing");
    expect((await firstPixels(cut.dataset.id)).length).toBe(imageCount);

    const rest = tools();
    const whole = await importImages(request(sources), rest);
    expect(whole.dataset).toMatchObject({ id: cut.dataset.id, imageCount: 30, status: "ready" });
    expect(rest.maker.tasks).toBe(30 - imageCount);
    expect(whole.duplicates).toBe(0);
    expect(whole.paths.size).toBe(30);
    const fresh = await importImages(request(sources), tools());
    expect(fresh.dataset.id).not.toBe(whole.dataset.id);
    expect(fresh.dataset.fingerprint).toBe(whole.dataset.fingerprint);
  });

  it("continues the dataset it is told to, at its size only", async () => {
    const first = await importImages(request([source("a.png", png(1))]), tools());
    const resumeDatasetId = first.dataset.id;
    const more = request([source("a.png", png(1)), source("b.png", png(2))], { resumeDatasetId });
    expect((await importImages(more, tools())).dataset).toMatchObject({ id: resumeDatasetId, imageCount: 2 });
    await expect(importImages({ ...more, size: 32 }, tools())).rejects.toMatchObject({
      failure: { code: "shape/size" },
    });
    await expect(importImages({ ...more, resumeDatasetId: "none" }, tools())).rejects.toMatchObject({
      failure: { code: "data/missing" },
    });
  });

  it.each([
    ["nothing", [], "There is no image in what was chosen."],
    [
      "text only",
      [source("a.txt", "x"), source("b.txt", "y")],
      "None of the 2 files could be imported, the first because a.txt is not PNG or JPEG.",
    ],
    [
      "one small image",
      [source("a.png", png(1, 8))],
      "The only file could not be imported because a.png has 8 × 8",
    ],
  ])("fails with data/empty and leaves no dataset behind: %s", async (_name, sources, message) => {
    const outcome = await outcomeOf(() => importImages(request(sources), tools()));
    expect(outcome).toMatchObject({ ok: false, failure: { code: "data/empty" } });
    if (!outcome.ok) expect(outcome.failure.message).toContain(message);
    expect(await listDatasets()).toEqual([]);
  });

  it("refuses before it begins: space, size, name, table", async () => {
    const sources = [1, 2, 3, 4].map((value) => source(`${value}.png`, png(value)));
    const codeOf = async (change: Partial<ImportRequest>, free: number | null = null) => {
      const outcome = await outcomeOf(() =>
        importImages(request(sources, change), tools({ freeBytes: () => Promise.resolve(free) })),
      );
      return outcome.ok ? "ok" : outcome.failure.code;
    };
    expect(await codeOf({}, 3000)).toBe("storage/quota");
    expect(await codeOf({ maxImages: 3 }, 3000)).toBe("ok");
    expect(await codeOf({ size: 0 })).toBe("shape/size");
    expect(await codeOf({ name: " " })).toBe("storage/name");
    expect(await codeOf({ patientCsv: "a,b\n" })).toBe("data/patient-csv");
  });

  it("ends cleanly when the disk is full, with what was stored usable", async () => {
    const sources = [1, 2, 3, 4].map((value) => source(`${value}.png`, png(value)));
    let added = 0;
    const { add } = DatasetWriter.prototype;
    vi.spyOn(DatasetWriter.prototype, "add").mockImplementation(async function (this: DatasetWriter, image) {
      if (++added > 3) throw new DOMException("full", "QuotaExceededError");
      await add.call(this, image);
      if (added === 2) await this.flush();
    });
    const report = await importImages(request(sources), tools());
    expect(report.ended?.code).toBe("storage/quota");
    expect(report.dataset).toMatchObject({ imageCount: 2, status: "importing" });
    expect(report.paths.size).toBe(2);
    expect(await firstPixels(report.dataset.id)).toEqual([5, 10]);
  });

  it("fails with storage/quota when not even the first image fits", async () => {
    vi.spyOn(DatasetWriter.prototype, "finish").mockRejectedValue(new DOMException("", "QuotaExceededError"));
    await expect(importImages(request([source("a.png", png(1))]), tools())).rejects.toBeInstanceOf(LabError);
    expect(await listDatasets()).toEqual([]);
  });
});

/** Tells after each task. */
class CountingMaker extends Maker {
  private readonly onMade: () => void;
  constructor(onMade: () => void) {
    super();
    this.onMade = onMade;
  }
  override async make(task: DecodeTask) {
    const outcome = await super.make(task);
    this.onMade();
    return outcome;
  }
}

describe("makePhantoms", () => {
  const ask = { count: 6, size: SIZE, seed: 3 };

  it("renders the same dataset once", async () => {
    const first = await makePhantoms(ask, tools());
    expect(first).toMatchObject({ kind: "phantom", imageCount: 6, patientCount: 6, status: "ready" });
    const again = tools();
    expect(await makePhantoms(ask, again)).toEqual(first);
    expect(again.maker.tasks).toBe(0);
  });

  it("goes on where it was cancelled, to the same bytes", async () => {
    const whole = await makePhantoms({ ...ask, count: 8 }, tools());
    let made = 0;
    const cut = tools({ isCancelled: () => made >= 5, maker: new CountingMaker(() => made++) });
    const outcome = await outcomeOf(() => makePhantoms(ask, cut));
    expect(outcome).toMatchObject({ ok: false, failure: { code: "data/cancelled" } });
    const [stored] = (await listDatasets()).filter(({ status }) => status === "importing");
    expect(stored?.imageCount).toBeGreaterThan(0);
    const continued = await makePhantoms(ask, tools());
    const [a, b] = await Promise.all([listImages(whole.id), listImages(continued.id)]);
    expect(b.map(({ contentHash }) => contentHash)).toEqual(
      a.slice(0, 6).map(({ contentHash }) => contentHash),
    );
  });

  it.each([
    [{ count: 0 }, "data/count"],
    [{ count: 1.5 }, "data/count"],
    [{ size: 8 }, "shape/size"],
    [{ seed: -1 }, "data/seed"],
  ])("refuses %j", async (change, code) => {
    await expect(makePhantoms({ ...ask, ...change }, tools())).rejects.toMatchObject({ failure: { code } });
  });
});

it("imports a JPEG beside PNGs", async () => {
  const jpeg = readFileSync(new URL("../../src/imaging/fixtures/decode/grey.jpg", import.meta.url));
  const report = await importImages(request([source("a.jpg", new Uint8Array(jpeg))]), tools());
  expect(report.dataset.imageCount).toBe(1);
});
