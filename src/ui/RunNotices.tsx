import { Alert, List } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { type Recovery, recoverySentence } from "@/contracts/recovery";

/** What befell a run or is particular to its device, a sentence each; nothing where there is nothing to say. */
export function RunNotices({
  notes,
  recoveries,
}: {
  readonly notes: readonly string[];
  readonly recoveries: readonly Recovery[];
}) {
  const sentences = [...notes, ...recoveries.map(noticeOf)];
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

const noticeOf = (recovery: Recovery): string =>
  recoverySentence(recovery, new Date(recovery.atMs).toLocaleTimeString());
