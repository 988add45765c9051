import { LabError } from "@/contracts/failure";
import type { ModelConfig } from "@/contracts/runConfig";
import type { Graph } from "./graph";
import { buildUNet } from "./unet";
import { buildUNetPlusPlus } from "./unetPlusPlus";

/** The network that a config names. Failure: `shape/width` (not a whole number from 1). */
export function buildGraph(model: ModelConfig): Graph {
  if (!Number.isInteger(model.width) || model.width < 1)
    throw new LabError(
      "shape/width",
      `A network of width ${model.width} has no channels.`,
      "Use a whole number of at least 1 (the study uses 64).",
    );
  switch (model.name) {
    case "unet":
      return buildUNet(model);
    case "unetpp":
      return buildUNetPlusPlus(model);
    default:
      return model.name satisfies never;
  }
}
