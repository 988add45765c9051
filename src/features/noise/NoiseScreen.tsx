import { Button, Card, Group, SegmentedControl, Skeleton, Stack, Text, Title } from "@mantine/core";
import { memo, useDeferredValue, useEffect, useState } from "react";
import { useDatasets } from "@/state/datasets";
import { useModels } from "@/state/models";
import { changeNoise, changeSource, PHANTOMS, useNoiseSettings } from "@/state/noise";
import { previewRequest, useNoisePreview } from "@/state/noisePreview";
import { useSyntheticModels } from "@/state/syntheticModels";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatMs } from "@/ui/format";
import { Histogram } from "@/ui/Histogram";
import { PageHeader } from "@/ui/PageHeader";
import { ZoomControls } from "@/ui/ZoomControls";
import { WHOLE_IMAGE, type Zoom } from "@/ui/zoom";
import { Explanations } from "./Explanations";
import { shareText } from "./metricText";
import { NoiseControls } from "./NoiseControls";
import { GRID_IMAGES, MODEL_DELAY_MS, NoiseGrid } from "./NoiseGrid";
import classes from "./NoiseScreen.module.css";
import { SideBySide, SliderView } from "./NoiseViews";
import { SourceControls } from "./SourceControls";

type View = "side" | "slider" | "grid";
const VIEWS: readonly { value: View; label: string }[] = [
  { value: "side", label: "Side by side" },
  { value: "slider", label: "Slider" },
  { value: "grid", label: "Grid" },
];

interface ToolbarProps {
  readonly view: View;
  readonly onView: (view: View) => void;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}

const Toolbar = memo(function Toolbar({ view, onView, zoom, onZoom }: ToolbarProps) {
  return (
    <Group justify="space-between" gap="sm">
      <SegmentedControl aria-label="View" value={view} onChange={onView} data={[...VIEWS]} />
      <ZoomControls zoom={zoom} onZoom={onZoom} />
    </Group>
  );
});

const Heading = memo(function Heading() {
  return (
    <PageHeader
      title="Noise"
      lead="See what Gaussian noise does to a chest X-ray, in pictures and in numbers, and what a trained denoiser gets back."
    />
  );
});

/** What noise does to an image, what the numbers say about it, and what a trained model gets back. */
export default function NoiseScreen() {
  const settings = useNoiseSettings();
  const { status, datasets } = useDatasets();
  const { models, status: modelsStatus } = useModels();
  const synthetic = useSyntheticModels(models);
  const [view, setView] = useState<View>("side");
  const [zoom, setZoom] = useState<Zoom>(WHOLE_IMAGE);
  const { source, index, modelId } = settings;

  // What was chosen can be deleted on another screen.
  const model = models.find(({ id }) => id === modelId);
  useEffect(() => {
    if (modelsStatus === "ready" && modelId !== null && !model) changeNoise({ modelId: null });
    if (
      status === "ready" &&
      source.kind === "dataset" &&
      !datasets.some(({ id }) => id === source.datasetId)
    )
      changeSource(PHANTOMS);
  }, [modelsStatus, modelId, model, status, source, datasets]);

  // The pictures first: what stands beside and below them follows in slices, so that opening the screen holds nothing up.
  const opened = useDeferredValue(true, false);
  const grid = view === "grid";
  const noisy = useNoisePreview("noisy", previewRequest(settings, index, false));
  const cleaned = useNoisePreview(
    "denoised",
    modelId === null || grid ? null : previewRequest(settings, index, true),
    MODEL_DELAY_MS,
  );
  const preview = noisy.shown?.preview ?? null;
  const isSynthetic =
    source.kind === "phantom" ||
    datasets.some(({ id, kind }) => id === source.datasetId && kind === "phantom");
  const views = {
    preview,
    denoised: cleaned.shown?.preview ?? null,
    hasModel: modelId !== null,
    denoising: cleaned.pending,
    badge: isSynthetic ? "Synthetic" : undefined,
    modelBadge: modelId !== null && synthetic.has(modelId) ? "Learned from phantoms" : undefined,
    zoom,
    onZoom: setZoom,
  };
  return (
    <>
      <Heading />
      <div className={classes["screen"]}>
        <div className={classes["pictures"]}>
          <Card padding="md">
            <Stack gap="md">
              <Toolbar view={view} onView={setView} zoom={zoom} onZoom={setZoom} />
              {noisy.failure && (
                <FailurePanel title="No preview" failure={noisy.failure}>
                  <Button variant="default" size="sm" onClick={noisy.retry}>
                    Try again
                  </Button>
                </FailurePanel>
              )}
              {cleaned.failure && (
                <FailurePanel title="The model could not run" failure={cleaned.failure}>
                  <Button variant="default" size="sm" onClick={cleaned.retry}>
                    Try again
                  </Button>
                </FailurePanel>
              )}
              {view === "side" && <SideBySide {...views} />}
              {view === "slider" && <SliderView {...views} />}
              {grid && <NoiseGrid settings={settings} zoom={zoom} onZoom={setZoom} />}
              <Text size="xs" c="dimmed">
                Wheel, pinch or + and − to zoom, drag or arrows to move; all pictures move together.
              </Text>
            </Stack>
          </Card>
        </div>
        <Card padding="md" className={classes["controls"] ?? ""}>
          {opened ? (
            <Stack gap="lg">
              <SourceControls source={source} index={index} steps={grid ? GRID_IMAGES : 1} />
              <NoiseControls settings={settings} models={models} synthetic={synthetic} />
            </Stack>
          ) : (
            <Skeleton height={520} animate={false} />
          )}
        </Card>
        <Stack gap="lg" className={classes["words"] ?? ""}>
          <Card padding="md">
            <Stack gap="sm">
              <Group justify="space-between" gap="sm" align="baseline">
                <Title order={2}>Grey values</Title>
                {noisy.shown && (
                  <Text size="sm" c="dimmed">
                    {shareText(noisy.shown.preview.clampedShare)} of the pixels were clamped · drawn in{" "}
                    {formatMs(noisy.shown.ms)}
                  </Text>
                )}
              </Group>
              {preview ? (
                <Histogram clean={preview.cleanHistogram} noisy={preview.noisyHistogram} />
              ) : (
                <Skeleton height={150} animate={noisy.failure === null} />
              )}
            </Stack>
          </Card>
          <section aria-labelledby="terms">
            <Title order={2} id="terms" mb="sm">
              In plain words
            </Title>
            {opened && <Explanations />}
          </section>
        </Stack>
      </div>
    </>
  );
}
