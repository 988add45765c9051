import { Button, FileInput, Group, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { DatasetRecord } from "@/contracts/dataset";
import { type Failure, toFailure } from "@/contracts/failure";
import type { ImportSource } from "@/contracts/workers";
import { importImages } from "@/state/datasets";
import { Dialog } from "@/ui/Dialog";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatBytes } from "@/ui/format";
import { plural } from "@/ui/plural";
import { SourcePicker } from "./SourcePicker";
import { STORED_SIZES, suggestName, summarize } from "./sources";

export interface ImportDialogProps {
  /** What was chosen; null: ask for it here. */
  readonly sources: readonly ImportSource[] | null;
  /** The interrupted import to go on with; null: a new dataset. */
  readonly resume: DatasetRecord | null;
  readonly onClose: () => void;
}

/** Asks how to store what was chosen, then starts the import. */
export function ImportDialog({ sources: given, resume, onClose }: ImportDialogProps) {
  const [chosen, setChosen] = useState<readonly ImportSource[] | null>(given);
  const [name, setName] = useState(resume?.name ?? (given ? suggestName(given) : ""));
  const [size, setSize] = useState<number>(resume?.size ?? 256);
  const [csv, setCsv] = useState<File | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  const start = async () => {
    if (!chosen) return;
    try {
      const patientCsv = csv ? await csv.text() : null;
      void importImages({
        name: name.trim() || suggestName(chosen),
        size,
        sources: chosen,
        patientCsv,
        resumeDatasetId: resume?.id ?? null,
        maxImages: null,
      });
      onClose();
    } catch (error) {
      setFailure(toFailure(error));
    }
  };

  return (
    <Dialog onClose={onClose} title={resume ? `Continue “${resume.name}”` : "Import images"} size="lg">
      <Stack gap="md">
        {chosen === null ? (
          <SourcePicker
            title="Choose the same folder or archive again"
            note="Images that are already stored are recognised by their content and not imported twice."
            onSources={setChosen}
          />
        ) : (
          <ChosenFiles sources={chosen} size={size} />
        )}
        {resume ? (
          <Text size="sm" c="dimmed">
            Stored at {resume.size} × {resume.size} pixels, as before.
          </Text>
        ) : (
          <>
            <TextInput label="Name" value={name} onChange={(event) => setName(event.currentTarget.value)} />
            <SizeChoice size={size} onSize={setSize} />
          </>
        )}
        <FileInput
          label="Patient list (optional)"
          description="A CSV file with the columns file,patient. Without it the patient is read from NIH file names such as 00000001_000.png; else each image counts as its own patient. Only a salted hash of the patient is stored."
          placeholder="Choose a CSV file"
          accept=".csv,text/csv"
          clearable
          clearButtonProps={{ "aria-label": "Remove the patient list" }}
          value={csv}
          onChange={setCsv}
        />
        {failure && <FailurePanel title="The patient list could not be read" failure={failure} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button disabled={chosen === null} data-autofocus onClick={() => void start()}>
            {resume ? "Continue the import" : "Import"}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function ChosenFiles({
  sources,
  size,
}: {
  readonly sources: readonly ImportSource[];
  readonly size: number;
}) {
  const { images, archives, others, bytes } = summarize(sources);
  const parts = [
    images > 0 && plural(images, "image file"),
    archives > 0 && plural(archives, "archive"),
    others > 0 && `${plural(others, "other file")}, which will be listed and skipped if no image`,
  ].filter((part) => part !== false);
  return (
    <Text size="sm">
      {parts.join(", ")}: {formatBytes(bytes)} to read
      {archives === 0 && images > 0 && `, ${formatBytes(images * size * size)} to store`}.
    </Text>
  );
}

/** The choice of the stored side, with what it means. */
export function SizeChoice({
  size,
  onSize,
}: {
  readonly size: number;
  readonly onSize: (size: number) => void;
}) {
  return (
    <div>
      <Text size="sm" fw={600} id="stored-size">
        Stored size
      </Text>
      <Text size="xs" c="dimmed" mb={6}>
        Every image becomes a square of this many pixels a side, 8-bit grey. 256 is the study's size. Half the
        side trains about four times as fast.
      </Text>
      <SegmentedControl
        fullWidth
        aria-labelledby="stored-size"
        value={String(size)}
        onChange={(value) => onSize(Number(value))}
        data={STORED_SIZES.map((side) => ({ value: String(side), label: `${side} × ${side}` }))}
      />
    </div>
  );
}
