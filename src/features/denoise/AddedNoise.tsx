import { Collapse, Stack, Switch } from "@mantine/core";
import { useState } from "react";
import type { DenoiseRequest } from "@/contracts/workers";
import { changeAddedNoise } from "@/state/denoise";
import { NumberSlider } from "@/ui/NumberSlider";

const START = { mean: 0, std: 0.1, seed: 1 };
const MAX_STD = 0.5;
const MAX_SLIDER_SEED = 999;

/** Noise to add before denoising, for trying a model out on clean images. Applied when a slider is let go. */
export function AddedNoise({ addNoise }: { readonly addNoise: DenoiseRequest["addNoise"] }) {
  const [draft, setDraft] = useState(addNoise ?? START);
  const slider = (key: keyof typeof START, label: string, min: number, max: number, step: number) => (
    <NumberSlider
      label={label}
      min={min}
      max={max}
      step={step}
      value={draft[key]}
      onChange={(value) => setDraft((before) => ({ ...before, [key]: value }))}
      onChangeEnd={(value) => {
        const next = { ...draft, [key]: value };
        if (JSON.stringify(next) !== JSON.stringify(addNoise)) changeAddedNoise(next);
      }}
    />
  );
  return (
    <Stack gap="sm">
      <Switch
        label="Add noise first"
        description="For clean images: shows how much of the noise the model removes, in numbers."
        checked={addNoise !== null}
        onChange={(event) => changeAddedNoise(event.currentTarget.checked ? draft : null)}
      />
      <Collapse expanded={addNoise !== null}>
        <Stack gap="md" pt="xs">
          {slider("std", "Strength σ", 0, MAX_STD, 0.01)}
          {slider("mean", "Mean", -0.3, 0.3, 0.01)}
          {slider("seed", "Seed", 0, MAX_SLIDER_SEED, 1)}
        </Stack>
      </Collapse>
    </Stack>
  );
}
