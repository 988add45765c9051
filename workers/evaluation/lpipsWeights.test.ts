import "fake-indexeddb/auto";
import { afterEach, describe, expect, it } from "vitest";
import { lpipsShapes } from "@/evaluation/lpips/weights";
import { writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { listLpipsWeights, preferredLpipsWeights } from "@/storage/lpips";
import { importLpipsFile } from "./lpipsWeights";

afterEach(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

function squeezeFile(): Uint8Array<ArrayBuffer> {
  return writeSafetensors(
    new Map(
      [...lpipsShapes("squeeze")].map(([name, shape]) => [
        name,
        { shape, data: new Float32Array(shape.reduce((product, side) => product * side, 1)) },
      ]),
    ),
  );
}

describe("importLpipsFile", () => {
  it("keeps a file that was checked", async () => {
    const bytes = squeezeFile();
    const summary = await importLpipsFile(new File([bytes], "mine.safetensors"));
    expect(summary).toMatchObject({
      network: "squeeze",
      fileName: "mine.safetensors",
      byteLength: bytes.length,
    });
    expect(await listLpipsWeights()).toEqual([summary]);
    expect((await preferredLpipsWeights())?.bytes).toEqual(bytes);
  });

  it.each([
    ["a cut file", squeezeFile().slice(0, -4), "weights/truncated"],
    ["another network's weights", writeSafetensors(new Map()), "weights/lpips"],
    ["a picture", new TextEncoder().encode("\x89PNG\r\n\x1a\n, or so"), "weights/"],
    ["a huge file", new Uint8Array(50_000_001), "weights/too-large"],
  ])("keeps nothing of %s", async (_name, bytes, code) => {
    await expect(importLpipsFile(new File([bytes], "x.safetensors"))).rejects.toThrow(code);
    expect(await listLpipsWeights()).toEqual([]);
  });
});
