import { Alert, Button, Card, Grid, Group, Stack, Text } from "@mantine/core";
import { IconPhotoUp, IconStethoscope, IconWand } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { type Failure, toFailure } from "@/contracts/failure";
import { addImages, chooseModel, clearImages, importModelFile, useDenoise } from "@/state/denoise";
import { useModels } from "@/state/models";
import { preferredModel } from "@/state/preferredModel";
import { useSyntheticModels } from "@/state/syntheticModels";
import { DropTarget } from "@/ui/DropTarget";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { AddedNoise } from "./AddedNoise";
import classes from "./DenoiseScreen.module.css";
import { ModelPanel, WeightFileButton } from "./ModelPanel";
import { Queue } from "./Queue";
import { Viewer } from "./Viewer";

const WEIGHTS = /\.(safetensors|pth|pt)$/i;
const NO_MODEL: Failure = {
  code: "weights/none",
  message: "There is no model yet that could denoise images.",
  remedy: "Train one or import weights first, then drop the images again.",
};
const ignoreCount = () => {};

/** Trained models at work on one's own images. */
export default function DenoiseScreen() {
  const { status, models, failure: modelsFailure } = useModels();
  const synthetic = useSyntheticModels(models);
  const { modelId, addNoise, items, selectedId, halted } = useDenoise();
  const [failure, setFailure] = useState<{ readonly title: string; readonly failure: Failure } | null>(null);
  const [importing, setImporting] = useState(false);

  // The newest model is the one somebody just trained; one that was deleted elsewhere is let go.
  const newest = preferredModel(models)?.id ?? null;
  const known = modelId !== null && models.some(({ id }) => id === modelId);
  useEffect(() => {
    if (status === "ready" && !known) chooseModel(newest);
  }, [status, known, newest]);

  const importWeights = async (file: File) => {
    setImporting(true);
    const outcome = await importModelFile(file);
    setImporting(false);
    setFailure(outcome.ok ? null : { title: `${file.name} could not be imported`, failure: outcome.failure });
  };
  const selected = items.find(({ id }) => id === selectedId) ?? null;
  const noModel = status === "ready" && models.length === 0;
  const take = (files: readonly File[]) => {
    setFailure(null);
    const weights = files.find(({ name }) => WEIGHTS.test(name));
    if (weights) void importWeights(weights);
    const images = files.filter(({ name }) => !WEIGHTS.test(name));
    if (images.length === 0) return;
    if (noModel && !weights) setFailure({ title: "Nothing was denoised", failure: NO_MODEL });
    else addImages(images);
  };
  return (
    <DropTarget
      hint={noModel ? "Drop a .safetensors or .pth file" : "Drop images to denoise them"}
      onFound={ignoreCount}
      onSources={(sources) => take(sources.map(({ file }) => file))}
      onFailure={(error) =>
        setFailure({ title: "What was dropped could not be read", failure: toFailure(error) })
      }
    >
      <PageHeader
        title="Denoise"
        lead="Clean your own images with a trained model. They are read, denoised and saved on this machine."
      />
      <Stack gap="lg">
        <Alert color="orange" bg="var(--lab-warn-soft)" icon={<IconStethoscope aria-hidden />} p="sm">
          For study and research, not for diagnosis: a network can remove what matters and invent what is not
          there.
        </Alert>
        {failure && (
          <FailurePanel title={failure.title} failure={failure.failure}>
            <Button variant="default" size="sm" onClick={() => setFailure(null)}>
              Dismiss
            </Button>
          </FailurePanel>
        )}
        {modelsFailure && <FailurePanel title="The models could not be read" failure={modelsFailure} />}
        {status === "loading" && <LoadingScreen />}
        {noModel && (
          <EmptyPanel
            icon={<IconWand size={30} />}
            title="No denoiser yet"
            text="A denoiser is a network that you have trained here, or weights from a file. The demo on the home screen learns a small one from synthetic images in about a minute."
          >
            <Button component={Link} href="/">
              Watch one learn
            </Button>
            <Button component={Link} href="/train" variant="default">
              Train one
            </Button>
            <WeightFileButton onFile={(file) => void importWeights(file)} loading={importing} />
          </EmptyPanel>
        )}
        {status === "ready" && models.length > 0 && (
          <Grid gap="lg">
            <Grid.Col span={{ base: 12, md: 4, lg: 3.5 }}>
              <Stack gap="lg">
                <Card padding="md">
                  <Stack gap="lg">
                    <ModelPanel
                      models={models}
                      synthetic={synthetic}
                      modelId={modelId}
                      importing={importing}
                      onFile={(file) => void importWeights(file)}
                    />
                    <AddedNoise addNoise={addNoise} />
                  </Stack>
                </Card>
                {items.length > 0 && (
                  <Card padding="md">
                    <Stack gap="sm">
                      <Queue
                        items={items}
                        selectedId={selectedId}
                        halted={halted}
                        hasModel={modelId !== null}
                      />
                      <Group gap="sm">
                        <ImageFilesButton onFiles={take} primary={false} />
                        <Button variant="subtle" color="gray" size="sm" onClick={clearImages}>
                          Clear the list
                        </Button>
                      </Group>
                    </Stack>
                  </Card>
                )}
              </Stack>
            </Grid.Col>
            <Grid.Col span={{ base: 12, md: 8, lg: 8.5 }}>
              {selected ? (
                <Viewer key={selected.id} item={selected} items={items} />
              ) : (
                <div className={classes["area"]}>
                  <IconPhotoUp size={40} stroke={1.4} aria-hidden className={classes["icon"]} />
                  <Text fw={600} size="lg">
                    Drop images here
                  </Text>
                  <Text c="dimmed" maw={440}>
                    PNG or JPEG, of any size, one or many. Large images are worked on in overlapping tiles.
                  </Text>
                  <ImageFilesButton onFiles={take} primary />
                </div>
              )}
            </Grid.Col>
          </Grid>
        )}
      </Stack>
    </DropTarget>
  );
}

function ImageFilesButton({
  onFiles,
  primary,
}: {
  readonly onFiles: (files: readonly File[]) => void;
  readonly primary: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        variant={primary ? "filled" : "default"}
        size="sm"
        leftSection={<IconPhotoUp size={18} aria-hidden />}
        onClick={() => input.current?.click()}
      >
        {primary ? "Choose images" : "Add images"}
      </Button>
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg,.png,.jpg,.jpeg"
        multiple
        hidden
        aria-label="Images to denoise"
        data-testid="denoise-input"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length > 0) onFiles(files);
        }}
      />
    </>
  );
}
