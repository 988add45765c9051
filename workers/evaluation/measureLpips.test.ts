import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import { referenceEngine } from "@/engine/reference/engine";
import { TestLpips } from "@/evaluation/lpips/testLpips";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getRun, updateRun } from "@/storage/runs";
import { Denoiser } from "./denoiser";
import { measureLpips } from "./measureLpips";
import { storeDataset, storeExample } from "./storedExample.fixture";

const denoiser = new Denoiser(() => Promise.resolve(referenceEngine));
const ID = "run-1";

/** A distance that tells denoised from noisy images: the mean square difference. */
function fakeLpips(): Promise<TestLpips> {
  const distances = (reference: Float32Array, tests: readonly Float32Array[], images: number) =>
    Promise.resolve(
      tests.map((test) => {
        const pixels = test.length / images;
        const out = new Float32Array(images);
        for (const [i, value] of test.entries())
          out[Math.floor(i / pixels)] =
            (out[Math.floor(i / pixels)] ?? 0) + (value - (reference[i] ?? 0)) ** 2 / pixels;
        return out;
      }),
    );
  const value = { network: "alex", engine: "tfjs-test", distances, dispose: () => undefined } as const;
  return Promise.resolve(new TestLpips({ ok: true, value }));
}

const request = (more: Partial<Parameters<typeof measureLpips>[0]> = {}) => ({
  id: ID,
  denoiser,
  open: fakeLpips,
  onProgress: () => undefined,
  cancelled: () => false,
  ...more,
});

beforeEach(async () => {
  await storeDataset();
  await storeExample(0);
});
afterEach(async () => {
  await denoiser.forget(`${ID}-best`);
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("measureLpips", () => {
  it("adds LPIPS to each image and the means, and leaves the other metrics", async () => {
    const before = await getRun(ID);
    const seen: number[] = [];
    await measureLpips(request({ onProgress: ({ imagesDone }) => seen.push(imagesDone) }));
    const after = await getRun(ID);
    expect(seen).toEqual([3]);
    expect(after.result?.test?.lpips).toMatchObject({ ok: true, value: { network: "alex" } });
    expect(after.result?.test?.denoised.lpips?.mean).toBeGreaterThan(0);
    expect(after.result?.test?.denoised.psnrDb).toEqual(before.result?.test?.denoised.psnrDb);
    expect(after.status).toBe("done");
    for (const [i, one] of (after.perImage ?? []).entries()) {
      const { lpips, noisyLpips, ...rest } = one;
      expect({ ...rest, lpips: null, noisyLpips: null }).toEqual(before.perImage?.[i]);
      // Noise of σ 0.1 and mean 0.1 (paper mode): a mean square of 0.02, less what the clamp takes.
      expect(noisyLpips).toBeGreaterThan(0.01);
      expect(noisyLpips).toBeLessThan(0.025);
      expect(lpips).not.toBe(noisyLpips);
    }
  });

  it("changes nothing when it is cancelled, has no weights, or the run was trained on", async () => {
    const before = await getRun(ID);
    await expect(measureLpips(request({ cancelled: () => true }))).rejects.toThrow("run/cancelled");
    const none = () => Promise.resolve(new TestLpips({ ok: false, failure: NO_LPIPS_WEIGHTS }));
    await expect(measureLpips(request({ open: none }))).rejects.toThrow("weights/no-lpips");
    expect(await getRun(ID)).toEqual(before);
    const changing = async (): Promise<TestLpips> => {
      await updateRun(ID, { perImage: before.perImage?.slice(1) ?? null });
      return fakeLpips();
    };
    await expect(measureLpips(request({ open: changing }))).rejects.toThrow("run/changed");
    expect((await getRun(ID)).result).toEqual(before.result);
  });

  it("refuses a run without a test", async () => {
    await updateRun(ID, { result: null });
    await expect(measureLpips(request())).rejects.toThrow("run/no-test");
  });
});
