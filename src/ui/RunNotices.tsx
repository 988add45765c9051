import { Alert, List } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { placeOfLoss, placeOfReturn, type Recovery } from "@/contracts/recovery";

/** What befell a run or is particular to its device, a sentence each; nothing where there is nothing to say. */
export function RunNotices({
  notes,
  recoveries,
}: {
  readonly notes: readonly string[];
  readonly recoveries: readonly Recovery[];
}) {
  const sentences = [...notes, ...recoveries.map(recoverySentence)];
  if (sentences.length === 0) return null;
  return (
    <Alert color="gray" icon={<IconInfoCircle />} role="note">
      <List size="sm" spacing={4} c="var(--lab-ink)">
        {sentences.map((sentence) => (
          <List.Item key={sentence}>{sentence}</List.Item>
        ))}
      </List>
    </Alert>
  );
}

/** "The graphics device was lost after step 123; the run went on from the checkpoint of step 100, and no number changed." */
export function recoverySentence({ step, checkpointStep, atMs, replica, reason }: Recovery): string {
  const time = new Date(atMs).toLocaleTimeString();
  if (replica !== undefined)
    return `${time}: replica ${replica} was lost ${placeOfLoss(step)} (${reason}); the others compute its images, and no step was lost or done twice.`;
  return `${time}: the graphics device was lost ${placeOfLoss(step)}; the run went on ${placeOfReturn(checkpointStep)}, to the same numbers.`;
}
