import { existsSync, readFileSync } from "node:fs";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { writeSafetensors } from "@/model/safetensors";
import { openLpips } from "./lpips";
import { lpipsShapes, readLpipsWeights } from "./weights";
import { madeUp } from "./weights.fixture";

const FOLDER = "../shared/data/lpips";
/** Ten times what float32 sums in another order were measured to differ from PyTorch's: 4.1e-7. */
const DISTANCE = 5e-6;
/** Float16 weights move a distance by 2.2e-4 at most, as measured with PyTorch on these pairs. */
const DISTANCE_F16 = 3.5e-4;

const present = existsSync(FOLDER);
if (!present) console.warn(`skipped: ${FOLDER} (LPIPS weights and PyTorch's distances) is not here.`);

interface GoldenPair {
  readonly reference: string;
  readonly test: string;
  readonly lpips_alex: number;
  readonly lpips_squeeze: number;
}

const read = (file: string): Uint8Array => new Uint8Array(readFileSync(`${FOLDER}/${file}`));
const unit = (file: string): Float32Array =>
  Float32Array.from(decode(read(`golden/${file}`)).data, (level) => level / 255);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return String(error).split(": ")[1] ?? "";
  }
  return "accepted";
}

describe("LPIPS", () => {
  it.skipIf(!present).each([
    ["lpips_alex_fp32.safetensors", "lpips_alex", DISTANCE],
    ["lpips_squeeze_fp32.safetensors", "lpips_squeeze", DISTANCE],
    ["lpips_alex_fp16.safetensors", "lpips_alex", DISTANCE_F16],
  ] as const)("of real radiographs equals PyTorch's: %s", { timeout: 120_000 }, async (file, key, bound) => {
    const { pairs }: { pairs: GoldenPair[] } = JSON.parse(
      readFileSync(`${FOLDER}/golden/golden.json`, "utf8"),
    );
    const lpips = await openLpips("wasm", readLpipsWeights(read(file)));
    try {
      expect(pairs.length).toBeGreaterThan(0);
      for (const pair of pairs) {
        const side = 256;
        const [distances] = await lpips.distances(unit(pair.reference), [unit(pair.test)], 1, side, side);
        expect(Math.abs((distances?.[0] ?? Number.NaN) - pair[key])).toBeLessThan(bound);
      }
    } finally {
      lpips.dispose();
    }
  });

  it.each(["alex", "squeeze"] as const)(
    "of a batch is that of each image, 0 of equal ones, and leaves no tensor: %s",
    async (network) => {
      const tf = await import("@tensorflow/tfjs-core");
      const lpips = await openLpips("wasm", { network, tensors: madeUp(network) });
      const before = tf.engine().state.numTensors;
      // Sides that make SqueezeNet's pooling stick out, and more images than one chunk holds at 640².
      const [height, width] = [640, 642];
      const pixels = height * width;
      const images = 3;
      const reference = Float32Array.from({ length: images * pixels }, (_, i) => 0.5 + Math.sin(i / 9) / 2);
      const test = Float32Array.from(reference, (value, i) => value + Math.sin(i * i) * 0.2);
      const [distances, same] = await lpips.distances(reference, [test, reference], images, height, width);
      expect([...(same ?? [])]).toEqual([0, 0, 0]);
      for (let i = 0; i < images; i++) {
        const one = (values: Float32Array) => values.subarray(i * pixels, (i + 1) * pixels);
        const [alone] = await lpips.distances(one(reference), [one(test)], 1, height, width);
        expect(distances?.[i]).toBeGreaterThan(0);
        expect(distances?.[i]).toBeCloseTo(alone?.[0] ?? Number.NaN, 6);
      }
      expect(tf.engine().state.numTensors).toBe(before);
      lpips.dispose();
      expect(tf.engine().state.numTensors).toBe(0);
    },
  );

  it("refuses images it cannot look at", async () => {
    const lpips = await openLpips("wasm", { network: "alex", tensors: madeUp("alex") });
    const small = new Float32Array(16 * 16);
    await expect(lpips.distances(small, [small], 1, 16, 16)).rejects.toThrow("shape/lpips");
    const large = new Float32Array(64 * 64);
    await expect(lpips.distances(large, [small], 1, 64, 64)).rejects.toThrow("shape/lpips");
    lpips.dispose();
  });
});

describe("readLpipsWeights", () => {
  it.each(["alex", "squeeze"] as const)("finds the network from the names: %s", (network) => {
    const { network: found, tensors } = readLpipsWeights(writeSafetensors(madeUp(network)));
    expect(found).toBe(network);
    expect(tensors.size).toBe(lpipsShapes(network).size);
  });

  it("refuses other files with one sentence", () => {
    const without = (name: string) => {
      const tensors = madeUp("alex");
      tensors.delete(name);
      return writeSafetensors(tensors);
    };
    const having = (name: string, shape: number[], fill: number) => {
      const count = shape.reduce((product, side) => product * side, 1);
      return writeSafetensors(madeUp("alex").set(name, { shape, data: new Float32Array(count).fill(fill) }));
    };
    expect(codeOf(() => readLpipsWeights(new TextEncoder().encode("PK, a zip?")))).toMatch(/^weights\//);
    expect(codeOf(() => readLpipsWeights(without("lin3.weight")))).toBe("weights/lpips");
    expect(codeOf(() => readLpipsWeights(having("conv9.weight", [1], 0)))).toBe("weights/lpips");
    expect(codeOf(() => readLpipsWeights(having("conv1.bias", [63], 0)))).toBe("weights/lpips");
    expect(codeOf(() => readLpipsWeights(having("conv1.bias", [64], Number.NaN)))).toBe("weights/lpips");
  });
});
