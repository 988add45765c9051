import { expect, it } from "vitest";
import type { BackendName } from "@/engine/tfjs/backend";
import { tfjsEngine } from "@/engine/tfjs/engine";
import { openLpips } from "./lpips";
import { madeUp } from "./weights.fixture";

/** Sums of some thousand float32 products in other orders, relative to distances of this size. */
const RELATIVE = 1e-4;
const SIDE = 64;
const IMAGES = 2;

async function distances(backend: BackendName, network: "alex" | "squeeze"): Promise<Float32Array> {
  const lpips = await openLpips(backend, { network, tensors: madeUp(network) });
  const reference = Float32Array.from({ length: IMAGES * SIDE * SIDE }, (_, i) => 0.5 + Math.sin(i / 9) / 2);
  const test = reference.map((value, i) => value + Math.sin(i * i) * 0.2);
  const [found] = await lpips.distances(reference, [test], IMAGES, SIDE, SIDE);
  lpips.dispose();
  return found ?? new Float32Array();
}

it.each([
  ["webgpu", "alex"],
  ["webgpu", "squeeze"],
  ["webgl", "alex"],
  ["webgl", "squeeze"],
] as const)("LPIPS on %s is that on WebAssembly: %s", { timeout: 300_000 }, async (backend, network) => {
  const reason = await tfjsEngine(backend).unavailable();
  if (reason !== null) {
    console.warn(`skipped: ${reason}`);
    return;
  }
  const expected = await distances("wasm", network);
  const found = await distances(backend, network);
  expect(expected.length).toBe(IMAGES);
  for (const [i, value] of expected.entries()) {
    expect(value).toBeGreaterThan(0);
    expect(Math.abs((found[i] ?? Number.NaN) - value)).toBeLessThan(RELATIVE * value);
  }
});
