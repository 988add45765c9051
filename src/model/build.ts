import { LabError } from "@/contracts/failure";
import { type ModelConfig, NETWORK_TITLES, NORMS } from "@/contracts/runConfig";
import { buildDnCNN } from "./dncnn";
import type { Graph } from "./graph";
import { buildUNet } from "./unet";
import { buildUNetPlusPlus } from "./unetPlusPlus";

/** The network that a config names. Failures: `shape/width` (not a whole number from 1), `config/norm` (not of this network). */
export function buildGraph(model: ModelConfig): Graph {
  if (!Number.isInteger(model.width) || model.width < 1)
    throw new LabError(
      "shape/width",
      `A network of width ${model.width} has no channels.`,
      "Use a whole number of at least 1 (the study uses 64).",
    );
  const norms = NORMS[model.name];
  if (!norms.includes(model.norm))
    throw new LabError(
      "config/norm",
      `${NETWORK_TITLES[model.name]} has no normalisation "${model.norm}".`,
      `Use ${norms.join(" or ")}.`,
    );
  switch (model.name) {
    case "unet":
      return buildUNet(model);
    case "unetpp":
      return buildUNetPlusPlus(model);
    case "dncnn":
      return buildDnCNN(model);
    default:
      return model.name satisfies never;
  }
}
