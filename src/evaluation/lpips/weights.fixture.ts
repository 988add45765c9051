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
