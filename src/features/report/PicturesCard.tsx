import { Button, Card, Group, MultiSelect, SegmentedControl, Stack, Text, Title } from "@mantine/core";
import { IconPhoto, IconX } from "@tabler/icons-react";
import { useState } from "react";
import type { StudyCrop, StudyPictureFigure } from "@/contracts/studyReport";
import type { StudyView } from "@/contracts/workers";
import {
  applyCrop,
  cancelStudyWork,
  chooseImages,
  drawPictures,
  setCrop,
  useStudyReport,
} from "@/state/studyReport";
import { FailurePanel } from "@/ui/FailurePanel";
import { NumberSlider } from "@/ui/NumberSlider";
import { plural } from "@/ui/plural";
import { cropAround } from "./cropAround";
import { ReportFigure } from "./ReportFigure";
import { WorkProgress } from "./WorkProgress";

/** More would make a long wait, and a report nobody reads. */
const MAX_IMAGES = 6;

/** Figures 5 to 7: test images through the best weights, drawn when asked for; then at once for another image or crop. */
export function PicturesCard({ testImages }: Pick<StudyView, "testImages">) {
  const { keys, pictures, working, workFailure, crop } = useStudyReport();
  const busy = working === "pictures";
  return (
    <Card component="section" id="pictures" aria-labelledby="pictures-title">
      <Group justify="space-between" align="flex-start" mb={4}>
        <Title order={3} id="pictures-title">
          Figures 5 to 7: pictures
        </Title>
        {busy ? (
          <Button variant="default" size="sm" leftSection={<IconX size={18} />} onClick={cancelStudyWork}>
            Cancel
          </Button>
        ) : (
          <Button
            size="sm"
            variant={pictures ? "default" : "filled"}
            leftSection={<IconPhoto size={18} />}
            disabled={keys.length === 0 || working !== null}
            onClick={() => void drawPictures()}
          >
            {pictures ? "Draw again" : "Draw the pictures"}
          </Button>
        )}
      </Group>
      <Text size="sm" c="dimmed" maw={820} mb="md">
        Noisy, as each network gives it back, and clean, at each noise level: the whole image, a crop of it,
        and the error. The test images go through the best weights of the runs once more. A click on an image
        moves the crop there.
      </Text>
      <Stack gap="md">
        <Group align="flex-start" gap="lg">
          <MultiSelect
            label={`Test images (at most ${MAX_IMAGES})`}
            style={{ flex: "1 1 260px" }}
            data={testImages.map(({ key, index, runs }) => ({
              value: key,
              label: `Image ${index}, ${plural(runs, "run")}`,
            }))}
            value={[...keys]}
            maxValues={MAX_IMAGES}
            limit={100}
            searchable
            disabled={working !== null}
            onChange={chooseImages}
          />
          <CropControls crop={crop} />
        </Group>
        {busy && <WorkProgress label="Pictures drawn" />}
        {workFailure && !busy && <FailurePanel title="This could not be made" failure={workFailure} />}
        {pictures && <Pictures figures={pictures.figures} />}
      </Stack>
    </Card>
  );
}

function CropControls({ crop }: { readonly crop: StudyCrop }) {
  const slider = (key: keyof StudyCrop, label: string, min: number, max: number) => (
    <div style={{ flex: "1 1 150px" }}>
      <NumberSlider
        label={label}
        value={crop[key]}
        min={min}
        max={max}
        step={0.01}
        onChange={(value) => setCrop({ ...crop, [key]: value })}
        onChangeEnd={(value) => applyCrop({ ...crop, [key]: value })}
      />
    </div>
  );
  return (
    <Group gap="lg" style={{ flex: "3 1 480px" }}>
      {slider("left", "Crop from left", 0, 1)}
      {slider("top", "Crop from top", 0, 1)}
      {slider("side", "Side of the crop", 0.05, 1)}
    </Group>
  );
}

/** All noise levels of one test image; which image is chosen above. */
function Pictures({
  figures,
}: {
  readonly figures: NonNullable<ReturnType<typeof useStudyReport>["pictures"]>["figures"];
}) {
  const images = [...new Map(figures.map(({ figure }) => [figure.key, figure.imageIndex]))];
  const [wanted, setWanted] = useState<string | null>(null);
  const shown = images.some(([key]) => key === wanted) ? wanted : (images[0]?.[0] ?? null);
  if (images.length === 0)
    return <Text size="sm">No picture could be made; why is said under “Left out”.</Text>;
  const visible = figures.filter(({ figure }) => figure.key === shown);
  return (
    <>
      {images.length > 1 && (
        <SegmentedControl
          aria-label="Test image shown"
          value={shown ?? ""}
          onChange={setWanted}
          data={images.map(([key, index]) => ({ value: key, label: `Image ${index}` }))}
          style={{ alignSelf: "flex-start" }}
        />
      )}
      {visible.map(({ figure, drawing, places }) => (
        <div key={figure.id}>
          <ReportFigure
            title={pictureTitle(figure)}
            caption={figure.caption}
            drawing={drawing}
            onPoint={(x, y) => {
              const crop = cropAround(figure.crop, places, x, y);
              if (crop) applyCrop(crop);
            }}
          />
        </div>
      ))}
    </>
  );
}

const pictureTitle = ({ title, imageIndex }: StudyPictureFigure): string => `${title}, image ${imageIndex}`;
