import { readFileSync } from "node:fs";
import { BlobWriter, Uint8ArrayReader, ZipWriter } from "@zip.js/zip.js";
import { packTar } from "modern-tar";
import { describe, expect, it } from "vitest";
import { toFailure } from "@/contracts/failure";
import { isHiddenPath, openArchive } from "./archive";

const fixture = (name: string): Blob =>
  new Blob([new Uint8Array(readFileSync(new URL(`./fixtures/decode/${name}`, import.meta.url)))]);

const bytesOf = (length: number, value: number) => new Uint8Array(length).fill(value);

async function zip(
  files: Readonly<Record<string, Uint8Array>>,
  options: { readonly password?: string; readonly level?: number } = {},
): Promise<Blob> {
  const writer = new ZipWriter(new BlobWriter(), { useWebWorkers: false, ...options });
  for (const [name, bytes] of Object.entries(files)) await writer.add(name, new Uint8ArrayReader(bytes));
  return writer.close();
}

async function patched(blob: Blob, change: (bytes: Uint8Array) => void): Promise<Blob> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  change(bytes);
  return new Blob([bytes]);
}

/** What an archive gives: [path, bytes or failure code], and the code it ends with. */
async function readAll(blob: Blob, path = "folder/x.zip") {
  const items: [string, number | string][] = [];
  try {
    const archive = await openArchive(blob, path);
    for await (const item of archive.entries())
      items.push([item.path, "bytes" in item ? item.bytes.length : item.failure.code]);
    return { count: archive.count, items, end: null, message: "" };
  } catch (error) {
    const failure = toFailure(error);
    return { count: null, items, end: failure.code, message: failure.message };
  }
}

describe("tar", () => {
  it.each(["gnu.tar.gz", "pax.tar.gz"])("reads what Python packed in %s", async (name) => {
    const { items, end, count } = await readAll(fixture(name), name);
    expect(end).toBeNull();
    expect(count).toBeNull();
    expect(items).toEqual([
      ["xrays/b.png", 768],
      [`xrays/${"very-long-".repeat(20)}ä.png`, 4],
      ["xrays/a.png", 512],
      ["xrays/inner.zip", "decode/nested-archive"],
      ["xrays/empty.png", 0],
    ]);
  });

  const plain = async () =>
    packTar([
      { header: { name: "a.png", size: 1500 }, body: bytesOf(1500, 1) },
      { header: { name: "b.png", size: 700 }, body: bytesOf(700, 2) },
    ]);

  it("reads a plain tar with its bytes", async () => {
    const archive = await openArchive(new Blob([await plain()]), "x.tar");
    for await (const item of archive.entries())
      expect("bytes" in item && item.bytes.every((byte) => byte === (item.path === "a.png" ? 1 : 2))).toBe(
        true,
      );
    expect((await readAll(new Blob([await plain()]))).items).toEqual([
      ["a.png", 1500],
      ["b.png", 700],
    ]);
  });

  it.each([
    ["in the second file", 512 + 1536 + 512 + 100],
    ["in the second header", 512 + 1536 + 10],
    ["before its end mark", 512 + 1536],
  ])("gives the files before a cut %s, then the failure", async (_where, length) => {
    const { items, end, message } = await readAll(new Blob([(await plain()).slice(0, length)]), "d/x.tar");
    expect(items).toEqual([["a.png", 1500]]);
    expect(end).toBe("decode/archive");
    expect(message).toBe("x.tar ends early.");
  });

  it("notices damage in a header", async () => {
    const tar = await plain();
    tar[512 + 1536 + 3] = 0x41;
    const { items, end } = await readAll(new Blob([tar]), "x.tar");
    expect([items.length, end]).toEqual([1, "decode/archive"]);
  });

  it("notices a cut in the compressed data", async () => {
    const noise = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i + 7, 2654435761) >>> 24);
    const tar = await packTar([
      { header: { name: "a.png", size: 150_000 }, body: noise.subarray(0, 150_000) },
      { header: { name: "b.png", size: 150_000 }, body: noise.subarray(150_000) },
    ]);
    const packed = await new Response(
      new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip")),
    ).blob();
    const cut = packed.slice(0, Math.floor(packed.size * 0.9));
    const { items, end } = await readAll(cut, "x.tgz");
    expect([items, end]).toEqual([[["a.png", 150_000]], "decode/archive"]);
  });

  it("refuses what is no archive", async () => {
    expect((await readAll(new Blob([bytesOf(5000, 65)]), "x.tar")).end).toBe("decode/archive");
    expect((await readAll(new Blob([]), "x.tar.gz")).end).toBe("decode/archive");
  });
});

describe("zip", () => {
  it("gives the files by path and leaves out what is hidden", async () => {
    const blob = await zip({
      "set/b.png": bytesOf(10, 1),
      "set/": new Uint8Array(0),
      "set/a.png": bytesOf(20, 2),
      "__MACOSX/set/._a.png": bytesOf(5, 0),
      "set/.hidden": bytesOf(5, 0),
      "set/more.tar.gz": bytesOf(5, 0),
    });
    expect(await readAll(blob)).toMatchObject({
      count: 3,
      end: null,
      items: [
        ["set/a.png", 20],
        ["set/b.png", 10],
        ["set/more.tar.gz", "decode/nested-archive"],
      ],
    });
  });

  it("refuses a password, a cut archive and an impostor as a whole", async () => {
    const secret = await zip({ "a.png": bytesOf(100, 1) }, { password: "x" });
    expect((await readAll(secret)).end).toBe("decode/encrypted");
    const blob = await zip({ "a.png": bytesOf(1000, 1), "b.png": bytesOf(1000, 2) }, { level: 0 });
    expect((await readAll(blob.slice(0, 1500))).end).toBe("decode/archive");
    expect((await readAll(new Blob(["PK but no zip at all"]))).end).toBe("decode/archive");
  });

  it("lists a damaged file and goes on with the next", async () => {
    const blob = await zip({ "a.png": bytesOf(1000, 1), "b.png": bytesOf(1000, 2) }, { level: 0 });
    const broken = await patched(blob, (bytes) => {
      bytes[500] = 99;
    });
    expect((await readAll(broken)).items).toEqual([
      ["a.png", "decode/archive"],
      ["b.png", 1000],
    ]);
  });
});

describe("isHiddenPath", () => {
  it.each([
    [".DS_Store", true],
    ["a/.git/x.png", true],
    ["__MACOSX/a/._b.png", true],
    ["a/Thumbs.db", true],
    ["a/b.c.png", false],
    ["x__MACOSX/b.png", false],
  ])("%s: %s", (path, hidden) => {
    expect(isHiddenPath(path)).toBe(hidden);
  });
});
