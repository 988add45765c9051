import type { Failure } from "./failure";

/** The networks that LPIPS v0.1 compares features of: AlexNet and SqueezeNet 1.1. */
export const LPIPS_NETWORKS = ["alex", "squeeze"] as const;
export type LpipsNetwork = (typeof LPIPS_NETWORKS)[number];

/** How the LPIPS of a test were measured. */
export interface LpipsConditions {
  readonly network: LpipsNetwork;
  /** The executor, e.g. `tfjs-wasm`. */
  readonly engine: string;
  /** Wall seconds over all test images, noisy and denoised ones. */
  readonly seconds: number;
}

/** The weights of one LPIPS network as a user loaded them. `bytes` is a safetensors file that was checked. */
export interface LpipsWeightsRecord {
  readonly network: LpipsNetwork;
  readonly fileName: string;
  readonly storedAt: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
export type LpipsWeightsSummary = Omit<LpipsWeightsRecord, "bytes"> & { readonly byteLength: number };

/** Why a test has no LPIPS where nobody has loaded weights. */
export const NO_LPIPS_WEIGHTS: Failure = {
  code: "weights/no-lpips",
  message: "LPIPS: no weights.",
  remedy:
    "Get a weight file with npm run get-lpips and load it on the Runs screen, or give it to the headless run with --lpips FILE.",
};
