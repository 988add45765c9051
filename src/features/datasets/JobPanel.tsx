import { Button, Card, Group, Progress, Stack, Text } from "@mantine/core";
import { cancelImport, type ImportJob } from "@/state/datasets";
import { formatCount, formatSeconds } from "@/ui/format";
import { Stat, StatRow } from "@/ui/Stat";

/** The import or rendering in progress. It goes on while other screens are open. */
export function JobPanel({ job }: { readonly job: ImportJob }) {
  const { kind, name, progress, cancelling } = job;
  const total = progress?.total ?? null;
  const percent = progress && total ? (progress.done / total) * 100 : null;
  const verb = kind === "import" ? "Importing" : "Rendering";
  return (
    <Card>
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <Text fw={600} style={{ overflowWrap: "anywhere" }}>
            {verb} {name}
          </Text>
          <Button variant="default" size="sm" loading={cancelling} onClick={cancelImport}>
            Cancel
          </Button>
        </Group>
        <Progress
          value={percent ?? 100}
          animated={percent === null}
          striped={percent === null}
          size="lg"
          aria-label={`${verb} ${name}`}
        />
        <StatRow>
          <Stat
            label="Done"
            value={
              progress
                ? `${formatCount(progress.done)}${total === null ? "" : ` of ${formatCount(total)}`}`
                : "Starting"
            }
          />
          <Stat label="Images/s" value={progress ? progress.imagesPerSecond.toFixed(1) : "–"} />
          <Stat label="Time left" value={formatSeconds(progress?.secondsLeft)} />
          {kind === "import" && (
            <>
              <Stat label="Duplicates" value={formatCount(progress?.duplicates)} />
              <Stat label="Skipped" value={formatCount(progress?.skipped)} />
            </>
          )}
        </StatRow>
      </Stack>
    </Card>
  );
}
