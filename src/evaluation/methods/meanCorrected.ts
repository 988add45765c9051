import { type DenoisingMethod, lessMean } from "./method";

export const meanCorrected: DenoisingMethod = {
  name: "mean",
  title: "Mean-corrected input",
  settings: "the noisy input less the mean of its noise",
  denoise: (noisy, noise) => Float32Array.from(lessMean(noisy, noise).data),
};
