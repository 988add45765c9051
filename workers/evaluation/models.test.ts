import "fake-indexeddb/auto";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_CONFIG } from "@/contracts/runConfig";
import { buildGraph } from "@/model/build";
import { initialWeights } from "@/model/init";
import { readSafetensors, writeSafetensors } from "@/model/safetensors";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { getModel, listModels } from "@/storage/models";
import { importModelFile } from "./models";

const model = { name: "unetpp", width: 1, norm: "last" } as const;
const weights = initialWeights(buildGraph(model), 3);
const bytes = writeSafetensors(weights, { config: JSON.stringify(DEFAULT_CONFIG) });

afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("importModelFile", () => {
  it("finds the network and keeps the noise it was trained for", async () => {
    const summary = await importModelFile(new File([bytes], "my weights.safetensors"));
    expect(summary).toMatchObject({
      name: "my weights",
      kind: "imported",
      runId: null,
      model,
      noise: DEFAULT_CONFIG.noise,
    });
    expect(readSafetensors((await getModel(summary.id)).bytes).tensors).toEqual(weights);
  });

  it.each([
    ["a cut file", bytes.slice(0, -3), "weights/truncated"],
    [
      "another network",
      writeSafetensors(new Map([["fc.weight", { shape: [1], data: new Float32Array(1) }]])),
      "weights/network",
    ],
    ["something else", new TextEncoder().encode("not a weight file at all"), "weights/"],
  ])("refuses %s and stores nothing", async (_, content, code) => {
    const refused = importModelFile(new File([content], "bad.safetensors"));
    await expect(refused).rejects.toMatchObject({ failure: { code: expect.stringContaining(code) } });
    expect(await listModels()).toEqual([]);
  });
});
