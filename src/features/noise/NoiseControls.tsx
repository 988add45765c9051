import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { memo } from "react";
import { Link } from "wouter";
import type { ModelSummary } from "@/contracts/run";
import { changeNoise, type NoiseSettings, trainWithNoise } from "@/state/noise";
import { ModelSelect } from "@/ui/ModelSelect";
import { NumberSlider } from "@/ui/NumberSlider";

/** The study's three strengths. */
const PRESETS = [0.1, 0.2, 0.3];
const PAPER_MEAN = 0.1;
const MAX_STD = 0.5;
const MAX_SLIDER_SEED = 999;

// The same functions at every rendering: a slider that stands still is not rendered with the one that moves.
const changeStd = (std: number) => changeNoise({ std });
const changeMean = (mean: number) => changeNoise({ mean });
const changeSeed = (seed: number) => changeNoise({ seed });
const changeModel = (modelId: string | null) => changeNoise({ modelId });

interface PresetsProps {
  /** The preset that is set; null when the slider stands elsewhere. */
  readonly std: number | null;
  readonly paperMean: boolean;
}

const Presets = memo(function Presets({ std, paperMean }: PresetsProps) {
  return (
    <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
      <Text component="legend" size="sm" fw={600} mb={6} p={0}>
        Presets of the study
      </Text>
      <Group gap={6}>
        {PRESETS.map((preset) => (
          <Button
            key={preset}
            size="compact-sm"
            variant={std === preset ? "filled" : "default"}
            aria-pressed={std === preset}
            onClick={() => changeNoise({ std: preset })}
          >
            {preset * 100} %
          </Button>
        ))}
        <Button
          size="compact-sm"
          variant={paperMean ? "filled" : "default"}
          aria-pressed={paperMean}
          onClick={() => changeNoise({ mean: paperMean ? 0 : PAPER_MEAN })}
        >
          Paper mean 0.1
        </Button>
      </Group>
    </fieldset>
  );
});

export interface NoiseControlsProps {
  readonly settings: NoiseSettings;
  readonly models: readonly ModelSummary[];
  readonly synthetic: ReadonlySet<string>;
}

/** The noise, and the model that is to remove it. */
export function NoiseControls({ settings, models, synthetic }: NoiseControlsProps) {
  const { mean, std, seed, modelId } = settings;
  const trainedFor = models.find(({ id }) => id === modelId)?.noise ?? null;
  const unlike = trainedFor !== null && (trainedFor.std !== std || trainedFor.mean !== mean);
  return (
    <Stack gap="md">
      <Presets std={PRESETS.includes(std) ? std : null} paperMean={mean === PAPER_MEAN} />
      <NumberSlider label="Strength σ" min={0} max={MAX_STD} step={0.01} value={std} onChange={changeStd} />
      <NumberSlider label="Mean" min={-0.3} max={0.3} step={0.01} value={mean} onChange={changeMean} />
      <NumberSlider label="Seed" min={0} max={MAX_SLIDER_SEED} step={1} value={seed} onChange={changeSeed} />
      <ModelSelect
        label="Denoise with"
        placeholder={models.length === 0 ? "No trained model yet" : "Choose a model"}
        models={models}
        synthetic={synthetic}
        value={modelId}
        clearable
        onChange={changeModel}
      />
      {unlike && (
        <Text size="xs" c="dimmed">
          It learned to remove σ {trainedFor.std.toFixed(2)}
          {trainedFor.mean !== 0 && ` with mean ${trainedFor.mean.toFixed(2)}`}; other noise is new to it.{" "}
          <Anchor
            component="button"
            size="xs"
            onClick={() => changeNoise({ std: trainedFor.std, mean: trainedFor.mean })}
          >
            Use its noise
          </Anchor>
        </Text>
      )}
      {models.length === 0 && (
        <Text size="xs" c="dimmed">
          A model appears here when a training run has ended or was stopped.{" "}
          <Anchor component={Link} href="/" size="xs">
            Watch one learn
          </Anchor>
        </Text>
      )}
      <Button component={Link} href={trainWithNoise(settings)} variant="light">
        Train with this noise
      </Button>
    </Stack>
  );
}
