import { LabError } from "@/contracts/failure";
import { bm3d } from "./bm3d";
import { gaussian } from "./gaussian";
import { meanCorrected } from "./meanCorrected";
import { median } from "./median";
import type { DenoisingMethod } from "./method";
import { noisyInput } from "./noisy";
import { nonLocalMeans } from "./nonLocalMeans";
import { totalVariation } from "./totalVariation";
import { wavelet } from "./wavelet";

/** Every method that is not trained, in the order of tables. A new one is a file and a line here. */
export const METHODS: readonly DenoisingMethod[] = [
  noisyInput,
  meanCorrected,
  gaussian,
  median,
  wavelet,
  totalVariation,
  nonLocalMeans,
  bm3d,
];

/** Fails with `config/baseline`. */
export function methodNamed(name: string): DenoisingMethod {
  const method = METHODS.find((candidate) => candidate.name === name);
  if (!method)
    throw new LabError(
      "config/baseline",
      `There is no method ${name}.`,
      `Use ${METHODS.map(({ name }) => name).join(", ")}.`,
    );
  return method;
}
