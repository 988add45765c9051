import "fake-indexeddb/auto";
import { afterEach, describe, expect, it } from "vitest";
import { lpipsShapes, readLpipsWeights } from "@/evaluation/lpips/weights";
import { madeUp, originalParts } from "@/evaluation/lpips/weights.fixture";
import { writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { listLpipsWeights, preferredLpipsWeights } from "@/storage/lpips";
import { importLpipsFiles } from "./lpipsWeights";

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

describe("importLpipsFiles", () => {
  it("keeps a file that was checked", async () => {
    const bytes = squeezeFile();
    const [summary] = await importLpipsFiles([new File([bytes], "mine.safetensors")]);
    expect(summary).toMatchObject({
      network: "squeeze",
      fileName: "mine.safetensors",
    });
    expect(await listLpipsWeights()).toEqual([summary]);
    const stored = await preferredLpipsWeights();
    expect(readLpipsWeights(stored?.bytes ?? new Uint8Array())).toEqual(readLpipsWeights(bytes));
  });

  it("puts the published files of networks and heads together, whatever their order", async () => {
    const files = (["squeeze", "alex"] as const).flatMap((network) => {
      const { backbone, heads } = originalParts(network);
      return [
        new File([writeSafetensors(heads)], `${network}.pth`),
        new File([writeSafetensors(backbone)], `${network}-net.pth`),
      ];
    });
    const summaries = await importLpipsFiles(files);
    expect(summaries.map(({ network, fileName }) => [network, fileName])).toEqual([
      ["alex", "alex.pth + alex-net.pth"],
      ["squeeze", "squeeze.pth + squeeze-net.pth"],
    ]);
    const { tensors } = readLpipsWeights((await preferredLpipsWeights())?.bytes ?? new Uint8Array());
    for (const [name, { data }] of madeUp("alex"))
      if (!/^(shift|scale)$/.test(name)) expect(tensors.get(name)?.data).toEqual(data);
    expect([...(tensors.get("shift")?.data ?? [])]).toEqual([...Float32Array.of(-0.03, -0.088, -0.188)]);
  });

  it("asks for the other part, and keeps nothing until it has both", async () => {
    const { backbone, heads } = originalParts("alex");
    const { backbone: squeeze } = originalParts("squeeze");
    const file = (tensors: typeof heads) => new File([writeSafetensors(tensors)], "x.pth");
    for (const files of [[file(heads)], [file(backbone)], [file(heads), file(squeeze)]])
      await expect(importLpipsFiles(files)).rejects.toThrow("weights/lpips-part");
    expect(await listLpipsWeights()).toEqual([]);
  });

  it.each([
    ["a cut file", squeezeFile().slice(0, -4), "weights/truncated"],
    ["another network's weights", writeSafetensors(new Map()), "weights/lpips"],
    ["a picture", new TextEncoder().encode("\x89PNG\r\n\x1a\n, or so"), "weights/"],
  ])("keeps nothing of %s", async (_name, bytes, code) => {
    await expect(importLpipsFiles([new File([bytes], "x.safetensors")])).rejects.toThrow(code);
    expect(await listLpipsWeights()).toEqual([]);
  });

  it("does not read a huge file", async () => {
    const file = new File([], "x.pth");
    Object.defineProperty(file, "size", { value: 300_000_001 });
    await expect(importLpipsFiles([file])).rejects.toThrow("weights/too-large");
  });
});
