import { Button, Card, SimpleGrid, Stack, Title } from "@mantine/core";
import { IconSparkles, IconStack2 } from "@tabler/icons-react";
import { useState } from "react";
import type { DatasetRecord } from "@/contracts/dataset";
import type { ImportSource } from "@/contracts/workers";
import { renameDataset, useDatasets } from "@/state/datasets";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { RenameDialog } from "@/ui/RenameDialog";
import { BrowseDialog } from "./BrowseDialog";
import { type DatasetAction, DatasetCard } from "./DatasetCard";
import { DeleteDatasetDialog } from "./DeleteDatasetDialog";
import { EndPanel } from "./EndPanel";
import { ImportDialog } from "./ImportDialog";
import { JobPanel } from "./JobPanel";
import { PhantomDialog } from "./PhantomDialog";
import { SourcePicker } from "./SourcePicker";
import { StorageBar } from "./StorageBar";

type Dialog =
  | { readonly kind: DatasetAction; readonly dataset: DatasetRecord }
  | { readonly kind: "import"; readonly sources: readonly ImportSource[] }
  | { readonly kind: "phantoms" };

/** Images come in here, and are looked at, renamed and deleted. */
export default function DatasetsScreen() {
  const { status, datasets, failure, job, end } = useDatasets();
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const close = () => setDialog(null);
  const phantoms = (
    <Button
      variant="default"
      leftSection={<IconSparkles size={18} aria-hidden />}
      disabled={job !== null}
      onClick={() => setDialog({ kind: "phantoms" })}
    >
      Generate phantoms
    </Button>
  );
  return (
    <>
      <PageHeader
        title="Datasets"
        lead="Chest X-rays to train on, kept as small grey images in this browser. Nothing is uploaded; names and metadata of your files are not stored."
      >
        {datasets.length > 0 && phantoms}
      </PageHeader>
      <Stack gap="lg">
        {job ? (
          <JobPanel job={job} />
        ) : (
          <SourcePicker
            title="Drop a folder of X-rays here"
            note="PNG or JPEG images, whole folders, and .zip or .tar.gz archives of any length. You choose name and size next."
            testIds
            onSources={(sources) => setDialog({ kind: "import", sources })}
          />
        )}
        {end && <EndPanel end={end} onBrowse={(dataset) => setDialog({ kind: "browse", dataset })} />}
        {status === "loading" && <LoadingScreen />}
        {failure && <FailurePanel title="The stored datasets could not be read" failure={failure} />}
        {status === "ready" && datasets.length === 0 && !job && (
          <EmptyPanel
            icon={<IconStack2 size={30} />}
            title="No dataset yet"
            text="Without any X-ray at hand, let the lab render phantoms: synthetic chest images to train and try everything on. For real ones, the NIH ChestX-ray14 archive (images_001.tar.gz) can be dropped here as it is."
          >
            {phantoms}
          </EmptyPanel>
        )}
        {datasets.length > 0 && (
          <section aria-labelledby="stored">
            <Stack gap="md">
              <Title order={2} id="stored">
                In this browser
              </Title>
              <Card padding="md">
                <StorageBar datasetBytes={datasets.reduce((sum, { bytes }) => sum + bytes, 0)} />
              </Card>
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg">
                {datasets.map((dataset) => (
                  <DatasetCard
                    key={dataset.id}
                    dataset={dataset}
                    busy={job?.progress?.datasetId === dataset.id}
                    onAction={(kind, of) => setDialog({ kind, dataset: of })}
                  />
                ))}
              </SimpleGrid>
            </Stack>
          </section>
        )}
      </Stack>
      {dialog?.kind === "import" && <ImportDialog sources={dialog.sources} resume={null} onClose={close} />}
      {dialog?.kind === "continue" && <ImportDialog sources={null} resume={dialog.dataset} onClose={close} />}
      {dialog?.kind === "phantoms" && <PhantomDialog onClose={close} />}
      {dialog?.kind === "browse" && <BrowseDialog dataset={dialog.dataset} onClose={close} />}
      {dialog?.kind === "rename" && (
        <RenameDialog
          title="Rename dataset"
          name={dialog.dataset.name}
          onRename={(name) => renameDataset(dialog.dataset.id, name)}
          onClose={close}
        />
      )}
      {dialog?.kind === "delete" && <DeleteDatasetDialog dataset={dialog.dataset} onClose={close} />}
    </>
  );
}
