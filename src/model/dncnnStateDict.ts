import { LabError } from "@/contracts/failure";
import type { StateDict } from "@/contracts/tensors";
import { DNCNN_CONVOLUTIONS, dncnnPlaces } from "./dncnn";

const NAME = /^model\.(\d+)\.(.+)$/;

/** Places of the convolutions `model.N.weight` [out, in, k, k], ascending. */
function convolutionsOf(stateDict: StateDict): number[] {
  const places: number[] = [];
  for (const [name, { shape }] of stateDict) {
    const [, place, part] = NAME.exec(name) ?? [];
    if (part === "weight" && shape.length === 4) places.push(Number(place));
  }
  return places.sort((a, b) => a - b);
}

const normed = (stateDict: StateDict): boolean =>
  [...stateDict.keys()].some((name) => NAME.test(name) && name.endsWith(".running_mean"));

/**
 * KAIR merges BatchNorm into the convolutions during training and saves before it numbers the layers anew: convolutions are
 * then at 0, 2, 5, 8, … 47 without BatchNorm between them. Those get the places of a network without BatchNorm (0, 2, 4, … 32);
 * every other state dict is returned as it is.
 */
export function renumberMerged(stateDict: StateDict): StateDict {
  if (normed(stateDict) || `${convolutionsOf(stateDict)}` !== `${dncnnPlaces("last")}`) return stateDict;
  const to = new Map(dncnnPlaces("last").map((place, index) => [place, dncnnPlaces("none")[index]]));
  return new Map(
    [...stateDict].map(([name, tensor]) => {
      const [, place, part] = NAME.exec(name) ?? [];
      return [part === undefined ? name : `model.${to.get(Number(place)) ?? place}.${part}`, tensor];
    }),
  );
}

/**
 * Width and normalisation of a DnCNN from its names, or null for what begins otherwise. Fails with `weights/network` for another
 * number of convolutions, as of KAIR's networks for unknown noise (20), FDnCNN (20) and IRCNN (7).
 */
export function identifyDnCNN(
  stateDict: StateDict,
): { readonly width: number | undefined; readonly norm: "last" | "none" } | null {
  const first = stateDict.get("model.0.weight");
  if (!first) return null;
  const { length } = convolutionsOf(stateDict);
  if (length !== DNCNN_CONVOLUTIONS)
    throw new LabError(
      "weights/network",
      `These weights have ${length} convolutions; the lab's DnCNN has ${DNCNN_CONVOLUTIONS}.`,
      "Use a grey DnCNN for one noise level, such as KAIR's dncnn_15, dncnn_25 or dncnn_50.",
    );
  return { width: first.shape[0], norm: normed(stateDict) ? "last" : "none" };
}
