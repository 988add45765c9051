import { Button, Card, Checkbox, Group, Text, Title } from "@mantine/core";
import type { RunRecord } from "@/contracts/run";
import { networkName, noiseName } from "@/features/runs/runFacts";
import { isReportable } from "@/state/studyReport";
import { formatFixed } from "@/ui/format";
import { plural } from "@/ui/plural";
import classes from "./RunPicker.module.css";

export interface RunPickerProps {
  readonly runs: readonly RunRecord[];
  readonly chosen: readonly string[];
  readonly onChoose: (ids: readonly string[]) => void;
}

/** Which runs the report is made from. Runs without test results cannot be chosen and say so. */
export function RunPicker({ runs, chosen, onChoose }: RunPickerProps) {
  const reportable = runs.filter(isReportable);
  const toggle = (id: string, on: boolean): void =>
    // In the order of the list, whatever the order of ticking.
    onChoose(runs.map((run) => run.id).filter((other) => (other === id ? on : chosen.includes(other))));
  return (
    <Card component="section" aria-label="Runs in this report">
      <Group justify="space-between" gap="xs" mb="xs">
        <Title order={2}>{`${chosen.length} of ${plural(runs.length, "run")}`}</Title>
        <Group gap={4}>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => onChoose(reportable.map(({ id }) => id))}
            disabled={chosen.length === reportable.length}
          >
            All
          </Button>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => onChoose([])}
            disabled={chosen.length === 0}
          >
            None
          </Button>
        </Group>
      </Group>
      <ul className={classes["list"]}>
        {runs.map((run) => (
          <li key={run.id} className={classes["run"]}>
            <Checkbox
              checked={chosen.includes(run.id)}
              disabled={!isReportable(run)}
              onChange={(event) => toggle(run.id, event.currentTarget.checked)}
              label={run.name}
              description={describe(run)}
            />
          </li>
        ))}
      </ul>
      {reportable.length < runs.length && (
        <Text size="sm" c="dimmed" mt="xs">
          Runs that have not been tested cannot be chosen: a run is tested when it ends.
        </Text>
      )}
    </Card>
  );
}

function describe({ config, result, status }: RunRecord): string {
  const { setup, precision } = config.engine;
  const parts = [
    networkName(config.model),
    noiseName(config.noise),
    ...(setup === "single" ? [] : [setup]),
    ...(precision === "mixed" ? ["mixed precision"] : []),
    result?.test ? `${formatFixed(result.test.denoised.psnrDb.mean, 2)} dB` : `${status}, not tested`,
  ];
  return parts.join(", ");
}
