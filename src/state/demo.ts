import type { Outcome } from "@/contracts/failure";
import { DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { startTraining } from "./training";

export const DEMO_NAME = "First demo (synthetic phantoms)";

/**
 * Small enough to learn visibly within seconds of processor time: 72 training phantoms of 64², four a step. The split
 * leaves more for training than the study's, because there are few images.
 */
export const DEMO_CONFIG: RunConfig = {
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, source: "phantom:96", size: 64, split: [0.75, 0.15, 0.1] },
  noise: { mean: 0, std: 0.2, draw: "fresh" },
  model: { name: "unet", width: 8, norm: "last" },
  training: { ...DEFAULT_CONFIG.training, learningRate: 2e-3, batchSize: 4, epochs: 20 },
};

/** Renders the phantoms and starts the demo; fails with `run/busy` while another run is on. */
export function startDemo(): Promise<Outcome<string>> {
  return startTraining({ name: DEMO_NAME, config: DEMO_CONFIG });
}
