import { packTar } from "modern-tar";
import { afterEach, describe, expect, it } from "vitest";
import { deleteDataset, renameDataset, startImport, startPhantoms } from "@/bridge/importer";
import { unwrap } from "@/contracts/failure";
import type { ImportProgress, ImportRequest } from "@/contracts/workers";
import { encodePng8 } from "@/imaging/encodePng";
import expectedOfPillow from "@/imaging/fixtures/decode/expected.json";
import { getDataset, listDatasets, openImageReader } from "@/storage/datasets";

/** The whole way in a browser: page → import worker → decode workers → IndexedDB → reader. */
const FIXTURES = import.meta.glob<string>("../src/imaging/fixtures/decode/*.{png,jpg,gz}", {
  query: "?url",
  import: "default",
  eager: true,
});
const SIZE = 16;
/** Names with the 16 × 16 that Pillow makes of them. */
const WITH_PIXELS = ["colour-420.jpg", "grey8.png", "rgb8.png"] as const;

async function fixture(name: string): Promise<{ path: string; file: File }> {
  const url = FIXTURES[`../src/imaging/fixtures/decode/${name}`];
  if (!url) throw new Error(`no fixture ${name}`);
  return { path: `folder/${name}`, file: new File([await (await fetch(url)).arrayBuffer()], name) };
}

/** A PNG of its own content. */
function png(value: number, size = SIZE): Uint8Array<ArrayBuffer> {
  const pixels = Uint8Array.from({ length: size * size }, (_, i) => (i * 3 + value) & 255);
  pixels[0] = value >> 8;
  return new Uint8Array(encodePng8(size, size, pixels));
}

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
const ignore = (): void => undefined;

afterEach(async () => {
  for (const { id } of await listDatasets()) unwrap(await deleteDataset(id));
});

describe("an import in the browser", () => {
  it("stores what Pillow makes of PNG and JPEG, to the byte, and lists every bad file", async () => {
    const huge = png(1);
    // 20000 × 20000 with the checksum that such a header has.
    new DataView(huge.buffer).setUint32(16, 20000);
    new DataView(huge.buffer).setUint32(20, 20000);
    new DataView(huge.buffer).setUint32(29, 0xc61b_19e5);
    const { path, file } = await fixture("rgb8.png");
    const whole = new Uint8Array(await file.arrayBuffer());
    const broken = whole.slice();
    broken[whole.length - 40] = (broken[whole.length - 40] as number) ^ 255;
    const report = unwrap(
      await startImport(
        request([
          ...(await Promise.all(WITH_PIXELS.map(fixture))),
          { path: path.replace("rgb8", "rgb8-again"), file },
          source("folder/broken.png", broken),
          source("folder/cut.png", whole.slice(0, 300)),
          source("folder/huge.png", huge),
          source("folder/notes.txt", "not an image"),
          source("folder/small.png", png(3, 8)),
          await fixture("pax.tar.gz"),
        ]),
        ignore,
      ).done,
    );
    expect(report.skipped.slice(0, 4).map(({ path, failure }) => [path, failure.code])).toEqual([
      ["folder/broken.png", "decode/corrupt"],
      ["folder/cut.png", "decode/truncated"],
      ["folder/huge.png", "decode/too-large"],
      ["folder/notes.txt", "decode/not-an-image"],
    ]);
    expect(report.skipped.map(({ path }) => path)).toContain("folder/pax.tar.gz/xrays/inner.zip");
    expect(report.duplicates).toBe(1);
    expect(report.dataset).toMatchObject({ imageCount: 3, status: "ready" });
    const reader = await openImageReader(report.dataset.id);
    const pixels = await reader.read([0, 1, 2]);
    for (const [index, name] of WITH_PIXELS.entries()) {
      const square = expectedOfPillow[name].resized.find(
        ({ width, height }) => width === 16 && height === 16,
      );
      const expected = Uint8Array.from(atob(square?.pixels ?? ""), (letter) => letter.charCodeAt(0));
      expect(pixels.subarray(index * 256, (index + 1) * 256)).toEqual(expected);
    }
  });

  it("is cancelled and resumed without importing twice; a second job is told to wait", async () => {
    const sources = Array.from({ length: 400 }, (_, i) =>
      source(`${String(i).padStart(4, "0")}.png`, png(i, 64)),
    );
    const job: ReturnType<typeof startImport> = startImport(request(sources), ({ stored }) => {
      if (stored >= 20) job.cancel();
    });
    const second = await startImport(request(sources), ignore).done;
    expect(second).toMatchObject({ ok: false, failure: { code: "data/busy" } });
    const cut = unwrap(await job.done);
    expect(cut.cancelled).toBe(true);
    expect(cut.dataset.imageCount).toBeGreaterThanOrEqual(20);
    expect(cut.dataset.imageCount).toBeLessThan(400);
    expect((await getDataset(cut.dataset.id)).status).toBe("importing");
    const seen: ImportProgress[] = [];
    const whole = unwrap(await startImport(request(sources), (progress) => seen.push(progress)).done);
    expect(whole.dataset).toMatchObject({ id: cut.dataset.id, imageCount: 400, status: "ready" });
    expect(whole.duplicates).toBe(0);
    expect(seen.at(-1)).toMatchObject({ done: 400, total: 400, stored: 400 });
  });

  it("says what is wrong with an empty choice and a damaged archive", async () => {
    const empty = await startImport(request([]), ignore).done;
    expect(empty).toMatchObject({ ok: false, failure: { code: "data/empty" } });
    const tar = await packTar([{ header: { name: "a.png", size: 9 }, body: png(1).slice(0, 9) }]);
    const cut = await startImport(request([source("x.tar", tar.slice(0, 600))]), ignore).done;
    expect(cut).toMatchObject({ ok: false, failure: { code: "data/empty" } });
    expect(await listDatasets()).toEqual([]);
  });

  it("renders phantoms once, the same bytes for the same seed", async () => {
    const ask = { count: 12, size: 32, seed: 5 };
    const first = unwrap(await startPhantoms(ask, ignore).done);
    expect(first).toMatchObject({ id: "phantom-32-5-12", kind: "phantom", imageCount: 12 });
    expect(unwrap(await startPhantoms(ask, ignore).done)).toEqual(first);
    unwrap(await renameDataset(first.id, "thorax"));
    expect((await getDataset(first.id)).name).toBe("thorax");
    unwrap(await deleteDataset(first.id));
    const again = unwrap(await startPhantoms(ask, ignore).done);
    expect(again.fingerprint).toBe(first.fingerprint);
  });
});
