import { Select } from "@mantine/core";
import { memo } from "react";
import type { ModelSummary } from "@/contracts/run";
import { NETWORK_TITLES } from "@/contracts/runConfig";

/** A model in one line: `Demo (best) · U-Net 8 · for σ 0.10`. The name of a run's model says which weights they are. */
export function modelLabel({ name, model, kind, noise }: ModelSummary, synthetic: boolean): string {
  const parts = [
    name,
    `${NETWORK_TITLES[model.name]} ${model.width}${kind === "imported" ? ", imported" : ""}`,
  ];
  if (noise) parts.push(`for σ ${noise.std.toFixed(2)}${noise.mean === 0 ? "" : `, mean ${noise.mean}`}`);
  if (synthetic) parts.push("learned from phantoms only");
  return parts.join(" · ");
}

export interface ModelSelectProps {
  readonly label: string;
  readonly models: readonly ModelSummary[];
  /** Ids of models that learned from phantoms only. */
  readonly synthetic: ReadonlySet<string>;
  readonly value: string | null;
  readonly onChange: (id: string | null) => void;
  /** Offers to choose none. */
  readonly clearable?: boolean;
  readonly placeholder: string;
}

/** The choice of one of the stored models. Renders when its props change. */
export const ModelSelect = memo(function ModelSelect({
  label,
  models,
  synthetic,
  value,
  onChange,
  clearable = false,
  placeholder,
}: ModelSelectProps) {
  return (
    <Select
      label={label}
      placeholder={placeholder}
      data={models.map((model) => ({ value: model.id, label: modelLabel(model, synthetic.has(model.id)) }))}
      value={value}
      onChange={onChange}
      clearable={clearable}
      allowDeselect={clearable}
      disabled={models.length === 0}
      comboboxProps={{ shadow: "md" }}
      clearButtonProps={{ "aria-label": "No model" }}
    />
  );
});
