import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { buildGraph } from "./build";
import { initialWeights } from "./init";
import { countParameters } from "./parameters";
import { writeSafetensors } from "./safetensors";
import { readModelFile } from "./stateDict";

const SCRIPT = fileURLToPath(new URL("../../pytorch/load_weights.py", import.meta.url));
/** Sums of tens of thousands of float32 numbers in another order, both in float64. */
const SUM_DIGITS = 6;

const python = ["python3", "/usr/bin/python3"].find((command) => {
  try {
    execFileSync(command, ["-c", "import torch, numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
if (!python) console.warn("skipped: no python3 with torch and numpy, so weights are not loaded into PyTorch");

describe.skipIf(!python)("a weight file in PyTorch", () => {
  it.each([
    ["UNet", { name: "unet", width: 2, norm: "last" }],
    ["UNet", { name: "unet", width: 2, norm: "both" }],
    ["UNetPlusPlus", { name: "unetpp", width: 2, norm: "last" }],
    ["DnCNN", { name: "dncnn", width: 2, norm: "last" }],
    ["DnCNN", { name: "dncnn", width: 2, norm: "none" }],
    ["DnCNN", { name: "dncnn", width: 16, norm: "last" }],
  ] as const)("loads into %s %o", (className, model) => {
    const folder = mkdtempSync(join(tmpdir(), "weights-"));
    try {
      const graph = buildGraph(model);
      const weights = initialWeights(graph, 4);
      writeFileSync(join(folder, "model.safetensors"), writeSafetensors(weights, { note: "µ" }));
      const saved = join(folder, "state_dict.pth");
      const args = ["-B", SCRIPT, join(folder, "model.safetensors"), saved];
      const [name, parameters, sum] = execFileSync(python ?? "", args, { encoding: "utf8" }).split(" ");
      expect([name, Number(parameters)]).toEqual([className, countParameters(graph)]);
      let expected = 0;
      for (const { data } of weights.values()) for (const value of data) expected += value;
      expect(Number(sum)).toBeCloseTo(expected, SUM_DIGITS);
      // And back, from the file that PyTorch itself saves.
      const back = readModelFile(new Uint8Array(readFileSync(saved)));
      expect(back.model).toEqual(model);
      expect(back.weights).toEqual(weights);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
