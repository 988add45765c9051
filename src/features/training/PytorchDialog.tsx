import { Button, Code, CopyButton, Group, List, Progress, Stack, Text } from "@mantine/core";
import { IconCopy, IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { trainingCommand } from "@/contracts/pytorch";
import { datasetId, phantomCount, type RunConfig } from "@/contracts/runConfig";
import { useDatasets } from "@/state/datasets";
import { useModelCost } from "@/state/modelCost";
import { type ExportProgress, exportForPytorch } from "@/state/pytorchExport";
import { Dialog } from "@/ui/Dialog";
import { FailurePanel } from "@/ui/FailurePanel";
import { safeFileName } from "@/ui/fileName";
import { formatBytes, formatCount } from "@/ui/format";
import { saveBlob } from "@/ui/saveBlob";
import { useDialogAction } from "@/ui/useDialogAction";

const FLOAT_BYTES = 4;

export interface PytorchDialogProps {
  readonly name: string;
  readonly config: RunConfig;
  readonly onClose: () => void;
}

/** Says what an export for PyTorch holds and how it is trained, and saves it. */
export function PytorchDialog({ name, config, onClose }: PytorchDialogProps) {
  const [progress, setProgress] = useState<ExportProgress | null>(null);
  const command = trainingCommand(config);
  const { failure, busy, act, close } = useDialogAction(async () => {
    const outcome = await exportForPytorch({ name, config }, setProgress);
    setProgress(null);
    if (!outcome.ok) return outcome;
    saveBlob(outcome.value, `${safeFileName(name)} for PyTorch.zip`);
    return { ok: true, value: undefined };
  }, onClose);
  return (
    <Dialog onClose={close} title="Export for PyTorch" size="lg">
      <Stack gap="md">
        <Text size="sm">
          The same run on PyTorch, on any number of GPUs and machines: a zip with everything it needs. Only
          you decide where it goes; nothing is sent.
        </Text>
        <Contents config={config} />
        <Stack gap={4}>
          <Text size="sm" fw={600}>
            Unpack it and run in its folder
          </Text>
          <Group gap="xs" wrap="nowrap" align="flex-start">
            <Code block style={{ flex: 1, whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {command}
            </Code>
            <CopyButton value={command}>
              {({ copied, copy }) => (
                <Button
                  variant="default"
                  size="xs"
                  leftSection={<IconCopy size={16} aria-hidden />}
                  onClick={copy}
                >
                  {copied ? "Copied" : "Copy"}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Text size="sm" c="dimmed">
            README.txt in it tells how to use more GPUs or machines. The batch size of{" "}
            {config.training.batchSize} counts for each process. Drop the folder it writes on the screen Runs
            to have the run here.
          </Text>
        </Stack>
        {failure && <FailurePanel title="Not exported" failure={failure} />}
        <div aria-live="polite">{busy && <Working progress={progress} />}</div>
        <Group justify="flex-end">
          <Button variant="default" onClick={close} disabled={busy}>
            Cancel
          </Button>
          <Button
            data-autofocus
            leftSection={<IconDownload size={18} aria-hidden />}
            loading={busy}
            onClick={act}
          >
            Save the zip
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function Contents({ config }: { readonly config: RunConfig }) {
  const { datasets } = useDatasets();
  const cost = useModelCost(config.model, config.data.size);
  const { source, size, maxImages } = config.data;
  const dataset = datasets.find(({ id }) => id === datasetId(source));
  const stored = phantomCount(source) ?? dataset?.imageCount ?? null;
  const images = stored === null ? null : Math.min(stored, maxImages ?? stored);
  const imageBytes = images === null ? null : images * size ** 2;
  const weightBytes = cost.status === "known" ? cost.description.parameters * FLOAT_BYTES : null;
  return (
    <List size="sm" spacing={4}>
      <List.Item>
        {`${formatCount(images)} ${phantomCount(source) === null ? "images" : "phantoms"}, ${size}², 8 bits, as stored here (${formatBytes(imageBytes)}), with their split. Patients appear as salted hashes, files without their names.`}
      </List.Item>
      <List.Item>{`The weights before the first step (${formatBytes(weightBytes)}) and the settings.`}</List.Item>
      <List.Item>
        The scripts that train it. They need Python with PyTorch and numpy, and draw the same noise and
        batches as the lab.
      </List.Item>
    </List>
  );
}

function Working({ progress }: { readonly progress: ExportProgress | null }) {
  const share = progress?.total ? progress.done / progress.total : 0;
  const doing = progress?.doing === "rendering" ? "Rendering phantoms" : "Packing images";
  return (
    <Stack gap={4}>
      <Progress value={share * 100} aria-label={doing} />
      <Text size="sm" c="dimmed">
        {progress
          ? `${doing}: ${formatCount(progress.done)} of ${formatCount(progress.total)}`
          : "Collecting what is needed…"}
      </Text>
    </Stack>
  );
}
