import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconInfoCircle } from "@tabler/icons-react";
import { Link } from "wouter";
import type { DatasetRecord } from "@/contracts/dataset";
import { dismissImportEnd, type ImportEnd } from "@/state/datasets";
import { FailurePanel } from "@/ui/FailurePanel";
import { plural } from "@/ui/plural";
import { SkippedFiles } from "./SkippedFiles";
import { trainAddress } from "./trainAddress";

/** How the last import or rendering ended: what is there now, what was left out and why. */
export function EndPanel({
  end,
  onBrowse,
}: {
  readonly end: ImportEnd;
  readonly onBrowse: (dataset: DatasetRecord) => void;
}) {
  const dismiss = (
    <Button variant="default" size="sm" onClick={dismissImportEnd}>
      Dismiss
    </Button>
  );
  if (end.kind === "failed")
    return (
      <FailurePanel title={`${end.name}: not imported`} failure={end.failure}>
        {dismiss}
      </FailurePanel>
    );
  const dataset = end.kind === "imported" ? end.report.dataset : end.dataset;
  const report = end.kind === "imported" ? end.report : null;
  const usable = dataset.imageCount > 0;
  const clean = report === null || (!report.cancelled && !report.ended && usable);
  const title = report?.cancelled
    ? "Import cancelled"
    : report?.ended
      ? "Import ended early"
      : usable
        ? `“${dataset.name}” is ready`
        : "No image could be imported";
  return (
    <Stack gap="sm">
      <Alert
        role="status"
        color={clean ? "lab" : "orange"}
        styles={{ title: { color: clean ? "var(--lab-accent-ink)" : "var(--lab-warn)" } }}
        bg={clean ? "var(--lab-accent-soft)" : "var(--lab-warn-soft)"}
        title={title}
        icon={clean ? <IconCircleCheck aria-hidden /> : <IconInfoCircle aria-hidden />}
      >
        <Stack gap="sm">
          <Text size="sm">{summary(dataset, report?.duplicates ?? 0)}</Text>
          {report?.ended && (
            <Text size="sm">
              {report.ended.message} {report.ended.remedy}
            </Text>
          )}
          {report?.cancelled && usable && (
            <Text size="sm">
              What was stored is usable. Choose “Continue” on the dataset to add the rest.
            </Text>
          )}
          <Group gap="sm">
            {usable && (
              <>
                <Button component={Link} href={trainAddress(dataset)} size="sm">
                  Train on it
                </Button>
                <Button variant="default" size="sm" onClick={() => onBrowse(dataset)}>
                  Look at the images
                </Button>
              </>
            )}
            {dismiss}
          </Group>
        </Stack>
      </Alert>
      {report && report.skipped.length > 0 && <SkippedFiles skipped={report.skipped} />}
    </Stack>
  );
}

function summary(
  { kind, imageCount, patientCount, patientSource }: DatasetRecord,
  duplicates: number,
): string {
  if (kind === "phantom") return `${plural(imageCount, "synthetic image")}.`;
  const patients =
    patientSource === "none"
      ? "each counted as its own patient, because no patient could be read from names or a list"
      : `of ${plural(patientCount, "patient")}`;
  const double = duplicates > 0 ? ` ${plural(duplicates, "duplicate")} left out.` : "";
  return imageCount === 0
    ? `Nothing was stored.${double}`
    : `${plural(imageCount, "image")} ${patients}.${double}`;
}
