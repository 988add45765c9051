import {
  applyMode,
  DEFAULT_CONFIG,
  NETWORK_TITLES,
  type RunConfig,
  unsupported,
} from "@/contracts/runConfig";
import type { FieldErrors } from "./fieldErrors";

/** What every group of the form is given. Number fields hold NaN while they are empty. */
export interface GroupProps {
  readonly draft: RunConfig;
  readonly errors: FieldErrors;
  readonly onChange: (draft: RunConfig) => void;
}

/** Why a variation of the draft cannot run in this version; null when it can. */
export function whyNot(draft: RunConfig, engine: Partial<RunConfig["engine"]>): string | null {
  const plain: RunConfig = {
    ...draft,
    engine: { name: "auto", precision: "f32", setup: "single", ...engine },
    evaluation: { ...draft.evaluation, baselines: [] },
  };
  return unsupported(plain)?.message ?? null;
}

export interface Preset {
  readonly label: string;
  readonly hint: string;
  readonly apply: (draft: RunConfig) => RunConfig;
}

function sized(size: number, width: number, batchSize: number, epochs: number) {
  return (draft: RunConfig): RunConfig => ({
    ...draft,
    // A stored dataset has its size already.
    data: draft.data.source.startsWith("dataset:") ? draft.data : { ...draft.data, size },
    model: { ...draft.model, width },
    training: { ...draft.training, batchSize, epochs },
  });
}

/** Starting points that differ in how much they compute. */
export const PRESETS: readonly Preset[] = [
  { label: "First steps", hint: "64², width 8: learns on any processor", apply: sized(64, 8, 4, 20) },
  {
    label: "Closer look",
    hint: "128², width 16: wants some patience or a GPU",
    apply: sized(128, 16, 8, 30),
  },
  {
    label: "The study",
    hint: "256², width 64, 50 epochs, paper mode: needs a strong GPU",
    apply: (draft) => sized(256, 64, 16, 50)(applyMode(draft, "paper")),
  },
];

/** True when a query carries any field of a config; other keys are left alone. */
export function hasConfig(query: string): boolean {
  return [...new URLSearchParams(query).keys()].some((path) => (path.split(".")[0] ?? "") in DEFAULT_CONFIG);
}

/** A name for a run that says what it is, e.g. "U-Net w8, σ 0.2, 64²". */
export function suggestName({ model, noise, data, mode }: RunConfig): string {
  return `${NETWORK_TITLES[model.name]} w${model.width}, σ ${noise.std}, ${data.size}²${mode === "paper" ? ", paper" : ""}`;
}
