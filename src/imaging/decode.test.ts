import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { decodeImage, imageFormat } from "./decode";
import { toGrey8, toGreyUnit } from "./grey";
import { prepareImage } from "./prepare";
import { resizeBicubic } from "./resize";

/** Made by pytorch/make_decode_fixtures.py with Pillow 9.4. */
const FIXTURES = new URL("./fixtures/decode/", import.meta.url);
interface Expected {
  readonly grey: string;
  readonly resized: readonly { readonly width: number; readonly height: number; readonly pixels: string }[];
}
const EXPECTED: Readonly<Record<string, Expected>> = JSON.parse(
  readFileSync(new URL("expected.json", FIXTURES), "utf8"),
);
const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(name, FIXTURES)));

const failureOf = async (bytes: Uint8Array, name: string) => {
  try {
    await decodeImage(bytes, name);
  } catch (error) {
    if (error instanceof LabError) return error.failure;
    throw error;
  }
  throw new Error(`${name} was accepted`);
};

describe("decodeImage then toGrey8", () => {
  it.each(Object.keys(EXPECTED))("reads %s as Pillow does, to the byte", async (name) => {
    const image = await decodeImage(fixture(name), name);
    expect([image.width, image.height]).toEqual([37, 29]);
    const grey = Buffer.from(toGrey8(image));
    expect(grey.equals(Buffer.from((EXPECTED[name] as Expected).grey, "base64"))).toBe(true);
  });

  it("keeps the precision of 16 bits in toGreyUnit", async () => {
    const image = await decodeImage(fixture("grey16.png"), "grey16.png");
    const unit = toGreyUnit(image);
    expect(image.bits).toBe(16);
    expect([...unit]).toEqual(Array.from(image.data, (value) => Math.fround(value / 65535)));
    const eight = toGreyUnit(await decodeImage(fixture("grey8.png"), "grey8.png"));
    expect(eight.every((value) => Math.abs(value * 255 - Math.round(value * 255)) < 1e-4)).toBe(true);
  });

  it("gives colour and alpha as the file has them", async () => {
    const channels = async (name: string) => (await decodeImage(fixture(name), name)).channels;
    expect(await channels("grey.jpg")).toBe(1);
    expect(await channels("colour-420.jpg")).toBe(3);
    expect(await channels("palette8.png")).toBe(3);
    expect(await channels("palette8-trns.png")).toBe(4);
    expect(await channels("grey-alpha8.png")).toBe(2);
    expect(await channels("rgba16.png")).toBe(4);
  });
});

describe("resizeBicubic", () => {
  const cases = Object.entries(EXPECTED).flatMap(([name, expected]) =>
    expected.resized.map((resized) => ({ name, grey: expected.grey, ...resized })),
  );
  it.each(cases)("makes $width × $height of $name as Pillow does, to the byte", (expected) => {
    const source = new Uint8Array(Buffer.from(expected.grey, "base64"));
    const resized = resizeBicubic(source, 37, 29, expected.width, expected.height);
    expect(Buffer.from(resized).equals(Buffer.from(expected.pixels, "base64"))).toBe(true);
  });
});

describe("bad files", () => {
  const png = fixture("rgb8.png");
  const jpeg = fixture("colour-420.jpg");
  const patched = (bytes: Uint8Array, offset: number, values: readonly number[]) => {
    const copy = new Uint8Array(bytes);
    copy.set(values, offset);
    return copy;
  };
  /** `png` with another width and height in its header; `crc` is that header's. */
  const claiming = (width: number, height: number): Uint8Array => {
    const copy = new Uint8Array(png);
    const view = new DataView(copy.buffer);
    view.setUint32(16, width);
    view.setUint32(20, height);
    let crc = 0xffffffff;
    for (const byte of copy.subarray(12, 29)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
    }
    view.setUint32(29, (crc ^ 0xffffffff) >>> 0);
    return copy;
  };
  /** `jpeg` with another height and width in its frame header. */
  const claimingJpeg = (width: number, height: number): Uint8Array => {
    const at = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
    return patched(jpeg, at + 5, [height >> 8, height & 255, width >> 8, width & 255]);
  };

  it.each([
    ["text", new TextEncoder().encode("file,patient\n"), "decode/not-an-image"],
    ["nothing", new Uint8Array(0), "decode/not-an-image"],
    ["PNG signature alone", png.subarray(0, 8), "decode/truncated"],
    ["PNG cut in its pixels", png.subarray(0, png.length >> 1), "decode/truncated"],
    ["PNG without its end", png.subarray(0, png.length - 12), "decode/truncated"],
    ["PNG with a flipped byte", patched(png, png.length - 40, [0x55, 0xaa]), "decode/corrupt"],
    ["PNG with a broken header", patched(png, 17, [9]), "decode/corrupt"],
    ["PNG of 20000 × 20000", claiming(20000, 20000), "decode/too-large"],
    ["PNG of 0 × 5", claiming(0, 5), "decode/corrupt"],
    ["PNG with fewer rows than claimed", claiming(37, 30), "decode/corrupt"],
    ["PNG with one byte too few", fixture("short.png"), "decode/corrupt"],
    ["PNG of a wider claim", claiming(38, 29), "decode/corrupt"],
    ["JPEG cut in its pixels", jpeg.subarray(0, jpeg.length - 200), "decode/truncated"],
    ["JPEG without its end", jpeg.subarray(0, jpeg.length - 2), "decode/truncated"],
    ["JPEG of 60000 × 60000", claimingJpeg(60000, 60000), "decode/too-large"],
    ["JPEG start alone", jpeg.subarray(0, 4), "decode/truncated"],
    ["JPEG without an image", new Uint8Array([0xff, 0xd8, 0xff, 0xd9]), "decode/corrupt"],
    ["CMYK JPEG", fixture("cmyk.jpg"), "decode/unsupported"],
  ])("refuses: %s", async (name, bytes, code) => {
    const failure = await failureOf(bytes, `folder/${name}`);
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(name);
    expect(failure.message).not.toContain("folder/");
    expect(failure.message).toMatch(/^[^.]*\.$/);
    expect(failure.remedy).toMatch(/\.$/);
  });

  it("decodes a good JPEG after the codec met a bad one", async () => {
    const huffman = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc4);
    const bad = patched(jpeg, huffman + 5, new Array(16).fill(255));
    expect((await failureOf(bad, "bad.jpg")).code).toBe("decode/corrupt");
    expect((await decodeImage(jpeg, "good.jpg")).width).toBe(37);
  });

  it("refuses to enlarge", async () => {
    await expect(prepareImage(png, "a/b.png", 32)).rejects.toMatchObject({
      failure: { code: "shape/too-small" },
    });
    expect((await prepareImage(png, "a/b.png", 16)).length).toBe(256);
  });

  it("knows a format from the start of a file", () => {
    expect([imageFormat(png.subarray(0, 16)), imageFormat(jpeg.subarray(0, 16))]).toEqual(["PNG", "JPEG"]);
    expect(imageFormat(new Uint8Array([0x50, 0x4b, 3, 4]))).toBeNull();
  });
});

const SHARED = new URL("../../../shared/data/", import.meta.url);
const sharedPngs = (folder: string): string[] => {
  try {
    return readdirSync(new URL(`${folder}/`, SHARED)).filter((name) => name.endsWith(".png"));
  } catch {
    return [];
  }
};

describe("real X-rays", () => {
  const small = new Set(sharedPngs("cxr256"));
  const pairs = sharedPngs("cxr1024").filter((name) => small.has(name));
  if (pairs.length === 0) console.warn("skipped: no ../shared/data/cxr1024 and cxr256 here");
  it.skipIf(pairs.length === 0)(
    "1024² resized to 256² equals what Pillow made of them, to the byte",
    async () => {
      expect(pairs.length).toBe(sharedPngs("cxr1024").length);
      let withAlpha = 0;
      for (const name of pairs) {
        const large = new Uint8Array(readFileSync(new URL(`cxr1024/${name}`, SHARED)));
        const expected = await decodeImage(
          new Uint8Array(readFileSync(new URL(`cxr256/${name}`, SHARED))),
          name,
        );
        if ((await decodeImage(large, name)).channels === 4) withAlpha++;
        const resized = await prepareImage(large, name, 256);
        expect(Buffer.from(resized).equals(Buffer.from(toGrey8(expected))), name).toBe(true);
      }
      expect(withAlpha).toBe(1);
    },
  );
});
