import { type ModelConfig, SIZE_MULTIPLE } from "@/contracts/runConfig";

/** What the sides of an image must be a multiple of for a network: 1 where nothing is halved. */
export function sideMultiple({ name }: Pick<ModelConfig, "name">): number {
  return name === "dncnn" ? 1 : SIZE_MULTIPLE;
}
