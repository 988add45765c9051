import { SegmentedControl, SimpleGrid, Stack } from "@mantine/core";
import { useState } from "react";
import type { GreyImage, NoisePreview } from "@/contracts/workers";
import { CompareSlider } from "@/ui/CompareSlider";
import { GreyCanvas } from "@/ui/GreyCanvas";
import { ImagePane, PIXEL_SCALE } from "@/ui/ImagePane";
import type { Zoom } from "@/ui/zoom";
import { figuresText, gainText } from "./metricText";

export interface NoiseViewsProps {
  /** Clean and noisy; null before the first preview. */
  readonly preview: NoisePreview | null;
  /** The same with the model's output; null without a model or while it works. */
  readonly denoised: NoisePreview | null;
  readonly hasModel: boolean;
  readonly denoising: boolean;
  /** `Synthetic` on phantoms. */
  readonly badge: string | undefined;
  readonly modelBadge: string | undefined;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}

const aspectOf = (image: GreyImage | undefined) => (image ? image.width / image.height : 1);

/** Clean, noisy and denoised beside each other, moving together. */
export function SideBySide({
  preview,
  denoised,
  hasModel,
  denoising,
  badge,
  modelBadge,
  zoom,
  onZoom,
}: NoiseViewsProps) {
  const aspect = aspectOf(preview?.clean);
  return (
    <SimpleGrid cols={hasModel ? { base: 2, sm: 3 } : 2} spacing={{ base: "xs", sm: "md" }}>
      <ImagePane
        title="Clean"
        badge={badge}
        image={preview?.clean ?? null}
        aspect={aspect}
        zoom={zoom}
        onZoom={onZoom}
        note="The image to get back"
      />
      <ImagePane
        title="Noisy"
        image={preview?.noisy ?? null}
        aspect={aspect}
        zoom={zoom}
        onZoom={onZoom}
        note={preview && figuresText(preview.noisyPsnrDb, preview.noisySsim)}
      />
      {hasModel && (
        <ImagePane
          title="Denoised"
          badge={modelBadge}
          image={denoised?.denoised ?? null}
          aspect={aspect}
          zoom={zoom}
          onZoom={onZoom}
          busy={denoising}
          note={denoised && denoisedText(denoised)}
        />
      )}
    </SimpleGrid>
  );
}

function denoisedText({ denoisedPsnrDb, denoisedSsim, noisyPsnrDb }: NoisePreview): string | null {
  if (denoisedPsnrDb === null || denoisedSsim === null) return null;
  return figuresText(denoisedPsnrDb, denoisedSsim, gainText(noisyPsnrDb, denoisedPsnrDb));
}

type Pair = "noisy-clean" | "noisy-denoised" | "denoised-clean";
const PAIRS: readonly { value: Pair; label: string }[] = [
  { value: "noisy-denoised", label: "Noisy | Denoised" },
  { value: "noisy-clean", label: "Noisy | Clean" },
  { value: "denoised-clean", label: "Denoised | Clean" },
];
const NAMES = { noisy: "Noisy", clean: "Clean", denoised: "Denoised" } as const;

/** Two of the three on top of each other, with a divider. */
export function SliderView({ preview, denoised, hasModel, zoom, onZoom }: NoiseViewsProps) {
  const [chosen, setChosen] = useState<Pair>("noisy-denoised");
  const pair = hasModel ? chosen : "noisy-clean";
  const [left, right] = pair.split("-") as [keyof typeof NAMES, keyof typeof NAMES];
  const images = {
    noisy: preview?.noisy ?? null,
    clean: preview?.clean ?? null,
    denoised: denoised?.denoised ?? null,
  };
  const layer = (name: keyof typeof NAMES) => {
    const image = images[name];
    return (
      image && (
        <GreyCanvas
          width={image.width}
          height={image.height}
          data={image.data}
          label={NAMES[name]}
          pixelated={zoom.scale >= PIXEL_SCALE}
        />
      )
    );
  };
  return (
    <Stack gap="sm" maw="min(720px, calc(100dvh - 200px))" miw={{ base: "100%", xs: 320 }} mx="auto" w="100%">
      {hasModel && (
        <SegmentedControl
          fullWidth
          aria-label="Images to compare"
          value={chosen}
          onChange={setChosen}
          data={[...PAIRS]}
        />
      )}
      <CompareSlider
        before={layer(left)}
        after={layer(right)}
        beforeLabel={NAMES[left]}
        afterLabel={NAMES[right]}
        aspect={aspectOf(preview?.clean)}
        zoom={zoom}
        onZoom={onZoom}
      />
    </Stack>
  );
}
