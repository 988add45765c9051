import { SegmentedControl, SimpleGrid, Stack } from "@mantine/core";
import { useState } from "react";
import { type NoiseSettings, sourceCount, stepIndex } from "@/state/noise";
import { previewRequest, useNoisePreview } from "@/state/noisePreview";
import { ImagePane } from "@/ui/ImagePane";
import type { Zoom } from "@/ui/zoom";
import { psnrText } from "./metricText";

export const GRID_IMAGES = 6;
/** The network takes far longer than the noise: it runs when the sliders have come to rest. */
export const MODEL_DELAY_MS = 250;

type Shown = "clean" | "noisy" | "denoised";
const CHOICES: readonly { value: Shown; label: string }[] = [
  { value: "clean", label: "Clean" },
  { value: "noisy", label: "Noisy" },
  { value: "denoised", label: "Denoised" },
];

export interface NoiseGridProps {
  readonly settings: NoiseSettings;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}

/** Several images with the same noise, to see that one picture is not the rule. */
export function NoiseGrid({ settings, zoom, onZoom }: NoiseGridProps) {
  const [chosen, setChosen] = useState<Shown>("noisy");
  const shown = chosen === "denoised" && settings.modelId === null ? "noisy" : chosen;
  const { source, index } = settings;
  const count = Math.min(GRID_IMAGES, sourceCount(source) ?? GRID_IMAGES);
  return (
    <Stack gap="md">
      <SegmentedControl
        aria-label="What the grid shows"
        value={shown}
        onChange={setChosen}
        data={CHOICES.filter(({ value }) => value !== "denoised" || settings.modelId !== null)}
      />
      <SimpleGrid cols={{ base: 2, md: 3 }} spacing="md">
        {Array.from({ length: count }, (_, place) => (
          <GridCell
            // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place; the image in it changes.
            key={place}
            place={place}
            index={stepIndex(source, index, place)}
            shown={shown}
            settings={settings}
            zoom={zoom}
            onZoom={onZoom}
          />
        ))}
      </SimpleGrid>
    </Stack>
  );
}

interface GridCellProps extends NoiseGridProps {
  readonly place: number;
  readonly index: number;
  readonly shown: Shown;
}

function GridCell({ place, index, shown, settings, zoom, onZoom }: GridCellProps) {
  const withModel = shown === "denoised";
  const { shown: made, pending } = useNoisePreview(
    `grid-${place}`,
    previewRequest(settings, index, withModel),
    withModel ? MODEL_DELAY_MS : 0,
  );
  const preview = made?.preview ?? null;
  const psnrDb = withModel ? preview?.denoisedPsnrDb : preview?.noisyPsnrDb;
  return (
    <ImagePane
      title={`Image ${index + 1}`}
      image={preview?.[shown] ?? null}
      aspect={1}
      zoom={zoom}
      onZoom={onZoom}
      busy={pending && (withModel || preview === null)}
      note={shown === "clean" ? undefined : psnrDb == null ? " " : psnrText(psnrDb)}
    />
  );
}
