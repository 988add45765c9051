import { Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useCallback, useMemo, useState } from "react";
import type { PlanReport, PlanRequest } from "@/contracts/engineLab";
import { NETWORK_TITLES } from "@/contracts/runConfig";
import { saveBlob } from "@/ui/saveBlob";
import { chromeTrace } from "./chromeTrace";
import { FamilyTable } from "./FamilyTable";
import { NodeTable } from "./NodeTable";
import { isCoarse, type NodeFilter, rowsOf } from "./nodes";
import { PlanFigures } from "./PlanFigures";
import classes from "./PlanView.module.css";
import { Timeline } from "./Timeline";

const ALL: NodeFilter = { direction: "all", family: "all" };

export interface PlanViewProps {
  readonly report: PlanReport;
  /** Another plan is being made. */
  readonly stale: boolean;
}

/** A plan: its figures, where the time goes, and every dispatch. */
export function PlanView({ report, stale }: PlanViewProps) {
  const rows = useMemo(() => rowsOf(report.nodes), [report]);
  const [filter, setFilter] = useState(ALL);
  const [chosen, setChosen] = useState<{ readonly index: number } | null>(null);
  const measured = rows.some(({ ms }) => ms !== null);
  const onChoose = useCallback((index: number) => {
    setFilter(ALL);
    setChosen({ index });
  }, []);
  return (
    <Stack gap="lg" className={classes["view"] ?? ""} data-stale={stale || undefined} aria-busy={stale}>
      <Card component="section" aria-label="Figures of the plan">
        <Group justify="space-between" align="flex-start" mb="md">
          <Title order={2}>{titleOf(report.request)}</Title>
          <Group gap="xs">
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconDownload size={16} />}
              disabled={!measured}
              title={measured ? "Opens in chrome://tracing or Perfetto" : "Measure first"}
              onClick={() => saveJson(chromeTrace(report), `${fileNameOf(report.request)}.trace.json`)}
            >
              Export trace
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              leftSection={<IconDownload size={16} />}
              onClick={() => saveJson(report, `${fileNameOf(report.request)}.plan.json`)}
            >
              Export plan
            </Button>
          </Group>
        </Group>
        <PlanFigures report={report} />
        {report.notes.map((note) => (
          <Text key={note} size="sm" mt="sm">
            {note}
          </Text>
        ))}
      </Card>
      <Card component="section" aria-label="By operation">
        <Title order={2} mb="md">
          {measured ? "Where the time goes" : "By operation"}
        </Title>
        {measured && <Timeline rows={rows} onChoose={onChoose} />}
        {isCoarse(rows) && (
          <Text size="sm" c="dimmed" mb="md">
            This browser rounds times on the device to 0.066 ms: shorter dispatches read as nothing or one
            such grain. Chrome with WebGPU developer features on tells them exactly.
          </Text>
        )}
        <FamilyTable
          rows={rows}
          family={filter.family}
          onFamily={(family) => setFilter({ ...filter, family })}
        />
      </Card>
      <NodeTable rows={rows} filter={filter} onFilter={setFilter} chosen={chosen} />
    </Stack>
  );
}

function titleOf({ model, size, images, precision, pass }: PlanRequest): string {
  const network = NETWORK_TITLES[model.name];
  const what = pass === "training" ? "One training step" : "One inference pass";
  return `${what}: ${network}, width ${model.width}, ${images} × ${size}², ${precision === "mixed" ? "mixed precision" : "32-bit floats"}`;
}

const fileNameOf = ({ model, size, images, precision, pass }: PlanRequest): string =>
  `engine-${model.name}-w${model.width}-${size}px-b${images}-${precision}-${pass}`;

function saveJson(value: unknown, fileName: string): void {
  saveBlob(new Blob([JSON.stringify(value, null, 1)], { type: "application/json" }), fileName);
}
