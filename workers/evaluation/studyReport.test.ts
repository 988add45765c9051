import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StudyReport } from "@/contracts/studyReport";
import { referenceEngine } from "@/engine/reference/engine";
import { lazyFiles } from "@/evaluation/runZip";
import { TEST_VISIT } from "@/evaluation/testSet";
import { psnrDb } from "@/imaging/metrics";
import { addNoise } from "@/imaging/noise";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { openImageReader } from "@/storage/datasets";
import { deleteModel } from "@/storage/models";
import { getRun, updateRun } from "@/storage/runs";
import { Denoiser } from "./denoiser";
import { dataset, SIZE, storeDataset, storeExample } from "./storedExample.fixture";
import { StudyMaker } from "./studyReport";

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));
const ID = "run-1";
const CROP = { left: 0.25, top: 0.25, side: 0.5 };
const never = (): boolean => false;

/** The example run's test results name made-up numbers: here the noisy ones become those of its stored images. */
async function withTrueNoise(): Promise<void> {
  const { perImage, config } = await getRun(ID);
  const reader = await openImageReader(dataset.id);
  const images = await Promise.all(
    (perImage ?? []).map(async (image) => {
      const bytes = await reader.read([image.index]);
      const noisy = new Float32Array(bytes.length);
      const { seed, noise } = config;
      addNoise(bytes, noise, { seed, index: image.index, visit: TEST_VISIT }, noisy, 0);
      return {
        ...image,
        noisyPsnrDb: psnrDb(
          noisy,
          Float32Array.from(bytes, (level) => level / 255),
        ),
      };
    }),
  );
  await updateRun(ID, { perImage: images });
}

const request = async (images = 2) => {
  const { perImage } = await getRun(ID);
  return {
    runIds: [ID],
    keys: (perImage ?? []).slice(0, images).map(({ contentHash }) => contentHash),
    crop: CROP,
  };
};

beforeEach(async () => {
  await storeDataset();
  await storeExample(0);
  await withTrueNoise();
});
afterEach(async () => {
  await denoiser.forget(`${ID}-best`);
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("StudyMaker", () => {
  it("shows the stored run's numbers and which test images there are, without making pictures", async () => {
    const { report, charts, texts, testImages } = await new StudyMaker(denoiser).view(await request());
    const { result } = await getRun(ID);
    const table = report.tables.find(({ id }) => id === "table-3");
    const at = table?.columns.findIndex(({ id }) => id === "ours.psnrDb") ?? -1;
    expect(table?.rows[0]?.[at]?.value).toBe(result?.test?.denoised.psnrDb.mean);
    expect(charts.map(({ id }) => id)).toEqual(["figure-4", "figure-quality"]);
    expect(texts.find(({ id }) => id === "table-3")?.latex).toContain("\\toprule");
    expect(testImages.map(({ index }) => index)).toEqual([3, 9, 4]);
  });

  it("draws the chosen test images, and again for another crop without making them anew", async () => {
    const maker = new StudyMaker(denoiser);
    const seen: string[] = [];
    const asked = await request();
    const first = await maker.drawings(asked, ({ done, total }) => seen.push(`${done}/${total}`), never);
    expect(seen).toEqual(["1/2", "2/2"]);
    expect(first.figures.map(({ figure }) => figure.imageIndex)).toEqual([3, 9]);
    expect(first.figures[0]?.figure.columns.map(({ label }) => label)).toEqual(["Noisy", "U-Net", "Clean"]);
    // Without its weights it can only come from what was kept.
    await deleteModel(`${ID}-best`);
    const other = { ...asked, crop: { ...CROP, side: 0.25 } };
    const second = await maker.drawings(other, () => undefined, never);
    expect(second.figures).toHaveLength(2);
    expect(second.figures[0]?.drawing.light).not.toBe(first.figures[0]?.drawing.light);
  });

  it("says why a run has no pictures: weights gone, or other images than it was tested on", async () => {
    const asked = await request();
    await updateRun(ID, {
      perImage: ((await getRun(ID)).perImage ?? []).map((image) => ({ ...image, noisyPsnrDb: 1 })),
    });
    const other = await new StudyMaker(denoiser).drawings(asked, () => undefined, never);
    expect(other.figures).toEqual([]);
    expect(other.leftOut.join(" ")).toContain("the images stored here are not those that it was tested on");
    await deleteModel(`${ID}-best`);
    const gone = await new StudyMaker(denoiser).drawings(asked, () => undefined, never);
    expect(gone.leftOut.join(" ")).toContain("its best weights are not stored here");
  });

  it("ends when it is cancelled", async () => {
    const asked = await request();
    let pictures = 0;
    const work = new StudyMaker(denoiser).drawings(
      asked,
      () => pictures++,
      () => pictures > 0,
    );
    await expect(work).rejects.toThrow("run/cancelled");
    expect(pictures).toBe(1);
  });

  it("makes each format, alone without pointing to files that are not there", async () => {
    const maker = new StudyMaker(denoiser);
    const asked = await request(1);
    const file = (format: Parameters<StudyMaker["file"]>[1]) =>
      maker.file(asked, format, () => undefined, never);
    const report = JSON.parse(await (await file("json")).text()) as StudyReport;
    expect(report.figures.map(({ id }) => id)).toEqual(["figure-4", "figure-quality", "figure-5-1"]);
    expect(await (await file("html")).text()).toContain("data:image/png;base64,");
    expect(await (await file("markdown")).text()).not.toContain("](");
    expect(await (await file("latex")).text()).not.toContain("includegraphics");
    const pathsIn = async (format: "zip" | "csv") => {
      const zip = new File([await file(format)], "report.zip");
      return (await lazyFiles([zip])).map(({ path }) => path);
    };
    expect(await pathsIn("zip")).toContain("figures/figure-5-1.png");
    expect((await pathsIn("csv")).every((path) => /^tables\/.*\.csv$/.test(path))).toBe(true);
  });

  it("leaves the size of pictures to the run", async () => {
    const { figures } = await new StudyMaker(denoiser).drawings(await request(1), () => undefined, never);
    expect(figures[0]?.figure.size).toBe(SIZE);
  });
});
