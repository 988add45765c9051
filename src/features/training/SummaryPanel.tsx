import { Button, Card, CopyButton, FileButton, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconDownload, IconLink, IconPackageExport, IconPlayerPlay, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { type Failure, toFailure } from "@/contracts/failure";
import { configToQuery, parseRunConfig, type RunConfig, setupOf, unsupported } from "@/contracts/runConfig";
import { useModelCost } from "@/state/modelCost";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { FailurePanel } from "@/ui/FailurePanel";
import { safeFileName } from "@/ui/fileName";
import { formatCount, formatShort } from "@/ui/format";
import { Stat, StatRow } from "@/ui/Stat";
import { saveBlob } from "@/ui/saveBlob";
import { suggestName } from "./draft";
import type { FieldErrors } from "./fieldErrors";
import { PytorchDialog } from "./PytorchDialog";

/** A training step computes forward and backward: about three forward passes an image. */
const STEP_PER_FORWARD = 3;

export interface SummaryPanelProps {
  readonly draft: RunConfig;
  readonly errors: FieldErrors;
  readonly onChange: (draft: RunConfig) => void;
  readonly onStart: (name: string, config: RunConfig) => void;
}

/** What the run will cost, the button that starts it, and the config as link and file. */
export function SummaryPanel({ draft, errors, onChange, onStart }: SummaryPanelProps) {
  const [name, setName] = useState<string | null>(null);
  const [refused, setRefused] = useState<Failure | null>(null);
  const [exporting, setExporting] = useState(false);
  const phase = useTraining((state) => state.phase);
  const chosenName = name?.trim() || suggestName(draft);
  const cannot = unsupported(draft);
  const wrong = Object.keys(errors).length;
  const ready = wrong === 0 && cannot === null && !isLive(phase);
  const read = async (file: File | null): Promise<void> => {
    if (!file) return;
    try {
      const outcome = parseRunConfig(JSON.parse(await file.text()));
      setRefused(outcome.ok ? null : outcome.failure);
      if (outcome.ok) onChange(outcome.value);
    } catch (error) {
      setRefused({
        code: "config/invalid",
        message: `${file.name} is not JSON: ${toFailure(error).message}`,
        remedy: "Choose a config exported from the lab.",
      });
    }
  };
  return (
    <Card component="section" aria-label="Summary and start">
      <Stack gap="md">
        <Title order={2}>Ready to train?</Title>
        <Cost draft={draft} />
        <TextInput
          label="Name of the run"
          value={name ?? suggestName(draft)}
          maxLength={200}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Button
          size="md"
          leftSection={<IconPlayerPlay size={20} />}
          disabled={!ready}
          onClick={() => onStart(chosenName, draft)}
        >
          Start training
        </Button>
        <div aria-live="polite">
          {isLive(phase) ? (
            <Text size="sm" c="var(--lab-warn)">
              A run is in progress. Stop it in the live view to start another.
            </Text>
          ) : wrong > 0 ? (
            <Text size="sm" c="var(--lab-warn)">
              {wrong === 1 ? "One field needs" : `${wrong} fields need`} attention.
            </Text>
          ) : cannot ? (
            <Text size="sm" c="var(--lab-warn)">{`${cannot.message} ${cannot.remedy}`}</Text>
          ) : null}
        </div>
        {refused && <FailurePanel title="The config was not read" failure={refused} />}
        <Group gap="xs">
          <CopyButton value={`${window.location.origin}/train?${configToQuery(draft)}`}>
            {({ copied, copy }) => (
              <Button
                variant="subtle"
                size="compact-sm"
                leftSection={<IconLink size={16} />}
                disabled={wrong > 0}
                onClick={copy}
              >
                {copied ? "Copied" : "Copy link"}
              </Button>
            )}
          </CopyButton>
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconDownload size={16} />}
            disabled={wrong > 0}
            onClick={() =>
              saveBlob(
                new Blob([`${JSON.stringify(draft, null, 2)}\n`], { type: "application/json" }),
                `${safeFileName(chosenName)}.json`,
              )
            }
          >
            Save as JSON
          </Button>
          <FileButton accept="application/json,.json" onChange={(file) => void read(file)}>
            {(props) => (
              <Button {...props} variant="subtle" size="compact-sm" leftSection={<IconUpload size={16} />}>
                Open JSON
              </Button>
            )}
          </FileButton>
          <Button
            variant="subtle"
            size="compact-sm"
            leftSection={<IconPackageExport size={16} />}
            disabled={wrong > 0}
            onClick={() => setExporting(true)}
          >
            Export for PyTorch
          </Button>
        </Group>
        {exporting && <PytorchDialog name={chosenName} config={draft} onClose={() => setExporting(false)} />}
      </Stack>
    </Card>
  );
}

function Cost({ draft }: { readonly draft: RunConfig }) {
  const cost = useModelCost(draft.model, draft.data.size);
  const known = cost.status === "known" ? cost.description : null;
  const images = draft.training.batchSize * setupOf(draft).replicas;
  const perStep = known ? known.forwardGflopsPerImage * STEP_PER_FORWARD * images : null;
  return (
    <>
      <StatRow>
        <Stat label="Parameters" value={formatCount(known?.parameters)} />
        <Stat
          label="Forward, per image"
          value={`${formatShort(known?.forwardGflopsPerImage)} GFLOP`}
          note="2 × multiply-adds"
        />
        <Stat
          label="Training step"
          value={`${formatShort(perStep)} GFLOP`}
          note="about 3 × forward × images"
        />
      </StatRow>
      {cost.status === "failed" && (
        <Text size="sm" c="dimmed">{`${cost.failure.message} ${cost.failure.remedy}`}</Text>
      )}
    </>
  );
}
