import { Alert, List } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { type Recovery, recoverySentence } from "@/contracts/recovery";
import { formatTime } from "./format";

/** What befell a run or is particular to its device, a sentence each; nothing where there is nothing to say. */
export function RunNotices({
  notes,
  recoveries,
}: {
  readonly notes: readonly string[];
  readonly recoveries: readonly Recovery[];
}) {
  if (notes.length + recoveries.length === 0) return null;
  return (
    <Alert
      color="gray"
      icon={<IconInfoCircle />}
      title="Particular to this run"
      role="note"
      bg="var(--lab-surface)"
      bd="1px solid var(--lab-line)"
    >
      <List size="sm" spacing={4} c="var(--lab-ink)">
        {notes.map((note) => (
          <List.Item key={note}>{note}</List.Item>
        ))}
        {recoveries.map((recovery) => (
          <List.Item key={recovery.atMs}>{recoverySentence(recovery, formatTime(recovery.atMs))}</List.Item>
        ))}
      </List>
    </Alert>
  );
}
