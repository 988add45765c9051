import { SimpleGrid, Stack } from "@mantine/core";
import { useMemo } from "react";
import type { DenoiseResult } from "@/contracts/workers";
import { CompareSlider } from "@/ui/CompareSlider";
import { DifferenceCanvas, DifferenceLegend } from "@/ui/DifferenceCanvas";
import { differenceRange } from "@/ui/difference";
import { GreyCanvas } from "@/ui/GreyCanvas";
import { ImagePane, PIXEL_SCALE } from "@/ui/ImagePane";
import { ZoomLayer, ZoomView } from "@/ui/ZoomView";
import type { Zoom } from "@/ui/zoom";

export interface ResultViewProps {
  readonly result: DenoiseResult;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}

const aspectOf = ({ denoised }: DenoiseResult) => denoised.width / denoised.height;
/** A whole image with its controls stays inside the window. */
const widthFor = (aspect: number) => `max(280px, calc(min(860px, 100dvh - 200px) * ${aspect}))`;

/** Input and output on top of each other, with a divider. */
export function SliderResult({ result, zoom, onZoom }: ResultViewProps) {
  const { input, denoised } = result;
  const pixelated = zoom.scale >= PIXEL_SCALE;
  const aspect = aspectOf(result);
  return (
    <div style={{ width: "100%", maxWidth: widthFor(aspect), margin: "0 auto" }}>
      <CompareSlider
        before={<GreyCanvas {...input} label="Before" pixelated={pixelated} />}
        after={<GreyCanvas {...denoised} label="Denoised" pixelated={pixelated} />}
        beforeLabel={result.clean ? "Noisy" : "Before"}
        afterLabel="Denoised"
        aspect={aspect}
        zoom={zoom}
        onZoom={onZoom}
      />
    </div>
  );
}

/** Input, output and, where it is known, the clean image, beside each other. */
export function SideResult({ result, zoom, onZoom }: ResultViewProps) {
  const { input, denoised, clean } = result;
  const pane = (title: string, image: DenoiseResult["input"]) => (
    <ImagePane title={title} image={image} aspect={aspectOf(result)} zoom={zoom} onZoom={onZoom} />
  );
  return (
    <SimpleGrid cols={clean ? { base: 1, xs: 2, lg: 3 } : { base: 1, xs: 2 }} spacing="md">
      {clean && pane("Clean", clean)}
      {pane(clean ? "Noisy" : "Before", input)}
      {pane("Denoised", denoised)}
    </SimpleGrid>
  );
}

/** What the model changed, with its sign; against the clean image as well, where it is known. */
export function DifferenceResult({ result, zoom, onZoom }: ResultViewProps) {
  const { input, denoised, clean } = result;
  const range = useMemo(() => differenceRange(input.data, denoised.data), [input, denoised]);
  const map = (label: string, before: Float32Array, after: Float32Array) => (
    <figure style={{ margin: 0 }}>
      <figcaption style={{ fontSize: "var(--mantine-font-size-sm)", fontWeight: 600, marginBottom: 6 }}>
        {label}
      </figcaption>
      <ZoomView label={label} zoom={zoom} onZoom={onZoom} aspect={aspectOf(result)}>
        <ZoomLayer zoom={zoom}>
          <DifferenceCanvas
            width={denoised.width}
            height={denoised.height}
            before={before}
            after={after}
            range={range}
            label={label}
            pixelated={zoom.scale >= PIXEL_SCALE}
          />
        </ZoomLayer>
      </ZoomView>
    </figure>
  );
  return (
    <Stack gap="sm" w="100%" maw={clean ? "100%" : widthFor(aspectOf(result))} mx="auto">
      <SimpleGrid cols={clean ? { base: 1, xs: 2 } : 1} spacing="md">
        {map("What the model changed (denoised − before)", input.data, denoised.data)}
        {clean && map("What is still wrong (denoised − clean)", clean.data, denoised.data)}
      </SimpleGrid>
      <DifferenceLegend range={range} />
    </Stack>
  );
}
