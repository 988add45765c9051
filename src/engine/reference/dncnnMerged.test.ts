import { expect, it } from "vitest";
import type { StateDict } from "@/contracts/tensors";
import { buildGraph } from "@/model/build";
import { DNCNN_EPSILON, dncnnPlaces } from "@/model/dncnn";
import { loadFixture, relativeError } from "../fixtures";
import { referenceEngine } from "./engine";

/** Merged weights are rounded to float32 (6e-8) in 15 layers. */
const RTOL = 1e-6;

/** KAIR's merging of BatchNorm: weight·γ/√(σ² + ε), (bias − mean)·γ/√(σ² + ε) + β. */
function merged(weights: StateDict): StateDict {
  const out: StateDict = new Map();
  const dataOf = (name: string): Float32Array => weights.get(name)?.data ?? new Float32Array();
  dncnnPlaces("last").forEach((place, index) => {
    const to = `model.${dncnnPlaces("none")[index]}`;
    const norm = `model.${place + 1}`;
    const weight = weights.get(`model.${place}.weight`);
    const bias = weights.get(`model.${place}.bias`);
    if (!weight || !bias) throw new Error(`no convolution ${place}`);
    const has = weights.has(`${norm}.running_var`);
    const factor = bias.data.map((_, c) =>
      has
        ? (dataOf(`${norm}.weight`)[c] ?? 0) /
          Math.sqrt((dataOf(`${norm}.running_var`)[c] ?? 0) + DNCNN_EPSILON)
        : 1,
    );
    const perChannel = weight.data.length / bias.data.length;
    out.set(`${to}.weight`, {
      shape: weight.shape,
      data: weight.data.map((value, i) => value * (factor[Math.floor(i / perChannel)] ?? 0)),
    });
    out.set(`${to}.bias`, {
      shape: bias.shape,
      data: bias.data.map((value, c) =>
        has
          ? (value - (dataOf(`${norm}.running_mean`)[c] ?? 0)) * (factor[c] ?? 0) +
            (dataOf(`${norm}.bias`)[c] ?? 0)
          : value,
      ),
    });
  });
  return out;
}

it("a DnCNN whose BatchNorm was merged gives PyTorch's image of the whole one", async () => {
  const fixture = await loadFixture("dncnn");
  const { final, inferred, batches, height, width, adam } = fixture;
  const [batch] = batches;
  if (!final || !inferred || !batch) throw new Error("the fixture has no end");
  const graph = buildGraph({ ...fixture.model, norm: "none" });
  const executor = await referenceEngine.create({
    ...{ graph, weights: merged(final), height, width, adam },
    loss: "l1",
  });
  expect(relativeError(await executor.infer(batch.noisy, batch.images), inferred)).toBeLessThan(RTOL);
  await executor.dispose();
});
