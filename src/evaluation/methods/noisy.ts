import type { DenoisingMethod } from "./method";

export const noisyInput: DenoisingMethod = {
  name: "noisy",
  title: "Noisy input",
  settings: "as the network gets it",
  denoise: ({ data }) => Float32Array.from(data),
};
