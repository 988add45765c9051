import type { LpipsNetwork } from "@/contracts/lpips";
import type { StateDict } from "@/contracts/tensors";
import { lpipsShapes } from "./weights";

/** Weights of the right names and shapes that mean nothing. */
export function madeUp(network: LpipsNetwork): StateDict {
  return new Map(
    [...lpipsShapes(network)].map(([name, shape], seed) => {
      const count = shape.reduce((product, side) => product * side, 1);
      const data = Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i) * 0.1 + 0.15);
      return [name, { shape, data }];
    }),
  );
}

/** The same as the two files that are published: torchvision's network, with its classifier, and the authors' heads. */
export function originalParts(network: LpipsNetwork): { backbone: StateDict; heads: StateDict } {
  const indices: Readonly<Record<string, string>> =
    network === "alex" ? { conv1: "0", conv2: "3", conv3: "6", conv4: "8", conv5: "10" } : { conv1: "0" };
  const backbone: StateDict = new Map([
    ["classifier.1.weight", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
  ]);
  const heads: StateDict = new Map();
  for (const [name, tensor] of madeUp(network)) {
    const [module = "", ...rest] = name.split(".");
    if (module.startsWith("lin")) heads.set(`${module}.model.1.weight`, tensor);
    else if (module.startsWith("fire"))
      backbone.set(`features.${[module.slice(4), ...rest].join(".")}`, tensor);
    else if (module.startsWith("conv")) backbone.set(`features.${indices[module]}.${rest.join(".")}`, tensor);
  }
  return { backbone, heads };
}
