import { LabError } from "@/contracts/failure";
import { bm3d } from "./bm3d";
import { dncnn } from "./dncnn";
import { gaussian } from "./gaussian";
import { meanCorrected } from "./meanCorrected";
import { median } from "./median";
import type { DenoisingMethod, MethodDescription, TrainedMethod } from "./method";
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

/** Every method whose weights must be stored, behind those in tables. */
export const TRAINED_METHODS: readonly TrainedMethod[] = [dncnn];

/** All of them, in the order of tables. */
export const DESCRIPTIONS: readonly MethodDescription[] = [...METHODS, ...TRAINED_METHODS];

function named<M extends MethodDescription>(methods: readonly M[], name: string): M {
  const method = methods.find((candidate) => candidate.name === name);
  if (!method)
    throw new LabError(
      "config/baseline",
      `There is no method ${name}.`,
      `Use ${methods.map(({ name }) => name).join(", ")}.`,
    );
  return method;
}

/** One that is not trained. Fails with `config/baseline`. */
export function methodNamed(name: string): DenoisingMethod {
  return named(METHODS, name);
}

/** Any of them. Fails with `config/baseline`. */
export function describedMethod(name: string): MethodDescription {
  return named(DESCRIPTIONS, name);
}
