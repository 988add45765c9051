import { DeviceBytes } from "./deviceBytes";
import { benchInference, type InferenceRequest } from "./inference/inference";
import { benchTraining, type Measured, type TrainingRequest } from "./training";

/** What `main.ts` runs in the browser. `benchProgress` is exposed by it. */

declare global {
  var benchProgress: (line: string) => Promise<void>;
}

const bytes = new DeviceBytes();
bytes.install();

const progress = (line: string): void => void globalThis.benchProgress(line);

export function runTraining(request: TrainingRequest): Promise<Measured> {
  return benchTraining(request, bytes, progress);
}

export function runInference(request: InferenceRequest): Promise<Measured> {
  return benchInference(request, bytes, progress);
}
