import { Button, Card, Group, Loader, Progress, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { IconDownload, IconFileZip } from "@tabler/icons-react";
import { useState } from "react";
import { type Failure, toFailure } from "@/contracts/failure";
import { type DenoiseFigures, type DenoiseItem, resultOf } from "@/state/denoise";
import { exportNames, zipDenoised } from "@/state/denoiseExport";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatFixed, formatSeconds } from "@/ui/format";
import { Stat, StatRow } from "@/ui/Stat";
import { saveBlob } from "@/ui/saveBlob";
import { ZoomControls } from "@/ui/ZoomControls";
import { WHOLE_IMAGE, type Zoom } from "@/ui/zoom";
import { DifferenceResult, SideResult, SliderResult } from "./ResultViews";

type View = "slider" | "side" | "difference";
const VIEWS: readonly { value: View; label: string }[] = [
  { value: "slider", label: "Slider" },
  { value: "side", label: "Side by side" },
  { value: "difference", label: "Difference" },
];

/** The selected image: before and after, the figures, and saving. */
export function Viewer({
  item,
  items,
}: {
  readonly item: DenoiseItem;
  readonly items: readonly DenoiseItem[];
}) {
  const [view, setView] = useState<View>("slider");
  const [zoom, setZoom] = useState<Zoom>(WHOLE_IMAGE);
  const result = item.status === "done" ? resultOf(item.id) : null;
  const shared = { zoom, onZoom: setZoom };
  return (
    <Card padding="md">
      <Stack gap="md">
        <Title order={2} style={{ overflowWrap: "anywhere" }}>
          {item.name}
        </Title>
        {item.status === "failed" && item.failure && (
          <FailurePanel title="This image could not be denoised" failure={item.failure} />
        )}
        {(item.status === "waiting" || item.status === "running") && <Working item={item} />}
        {result && (
          <>
            <Group justify="space-between" gap="sm">
              <SegmentedControl aria-label="View" value={view} onChange={setView} data={[...VIEWS]} />
              <ZoomControls {...shared} />
            </Group>
            {view === "slider" && <SliderResult result={result} {...shared} />}
            {view === "side" && <SideResult result={result} {...shared} />}
            {view === "difference" && <DifferenceResult result={result} {...shared} />}
          </>
        )}
        {item.figures && <Figures figures={item.figures} />}
        <SaveButtons item={item} items={items} />
      </Stack>
    </Card>
  );
}

function Working({ item }: { readonly item: DenoiseItem }) {
  const { status, tiles, tilesDone } = item;
  if (status === "waiting")
    return (
      <Group gap="sm" py={60} justify="center">
        <Text c="dimmed">Waiting for its turn</Text>
      </Group>
    );
  return (
    <Stack gap="sm" py={60} align="center" role="status">
      <Loader />
      <Text size="sm">
        {tiles === 0 ? "Preparing the network" : `Denoising: tile ${tilesDone} of ${tiles}`}
      </Text>
      {tiles > 1 && (
        <Progress value={(tilesDone / tiles) * 100} w="min(320px, 100%)" aria-label="Tiles done" />
      )}
    </Stack>
  );
}

function Figures({ figures }: { readonly figures: DenoiseFigures }) {
  const { psnrDb, inputPsnrDb, ssim, inputSsim, width, height, tiles, engine, seconds } = figures;
  return (
    <StatRow>
      {psnrDb !== null && (
        <Stat
          label="PSNR"
          value={`${formatFixed(psnrDb, 2)} dB`}
          note={`${formatFixed(inputPsnrDb, 2)} dB before`}
        />
      )}
      {ssim !== null && (
        <Stat label="SSIM" value={formatFixed(ssim, 3)} note={`${formatFixed(inputSsim, 3)} before`} />
      )}
      <Stat
        label="Size"
        value={`${width} × ${height}`}
        note={tiles === 1 ? "in one piece" : `${tiles} tiles`}
      />
      <Stat label="Time" value={formatSeconds(seconds)} note={engine} />
    </StatRow>
  );
}

function SaveButtons({
  item,
  items,
}: {
  readonly item: DenoiseItem;
  readonly items: readonly DenoiseItem[];
}) {
  const [zipping, setZipping] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const done = items.filter(({ png }) => png !== null).length;
  const { png, name } = item;
  const saveAll = async () => {
    setZipping(true);
    setFailure(null);
    try {
      saveBlob(await zipDenoised(items), "denoised.zip");
    } catch (error) {
      setFailure(toFailure(error));
    }
    setZipping(false);
  };
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Button
          leftSection={<IconDownload size={18} aria-hidden />}
          disabled={png === null}
          onClick={() => png && saveBlob(png, exportNames([name])[0] ?? "denoised.png")}
        >
          Save PNG (16 bit)
        </Button>
        {items.length > 1 && (
          <Button
            variant="default"
            leftSection={<IconFileZip size={18} aria-hidden />}
            disabled={done === 0}
            loading={zipping}
            onClick={() => void saveAll()}
          >
            Save all {done} as a zip
          </Button>
        )}
      </Group>
      {failure && <FailurePanel title="The zip could not be made" failure={failure} />}
    </Stack>
  );
}
