import { Button, Card, Group, SegmentedControl, Stack, Table, Text, Title } from "@mantine/core";
import { IconMovie } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { Link } from "wouter";
import type { RunRecord } from "@/contracts/run";
import type { EpochRecord } from "@/contracts/training";
import type { ThinnedCurve } from "@/state/curve";
import { loadCurve } from "@/state/runs";
import type { Trace } from "@/ui/chartOptions";
import { formatFixed, formatShort } from "@/ui/format";
import { LineChart } from "@/ui/LineChart";
import { configDifferences } from "./runFacts";

const SERIES = 6;

const MEASURES = {
  validationLoss: { label: "Validation loss", format: formatShort, log: true },
  validationPsnrDb: { label: "PSNR", format: (value: number) => formatFixed(value, 2), log: false },
  validationSsim: { label: "SSIM", format: (value: number) => formatFixed(value, 3), log: false },
  trainLoss: { label: "Training loss", format: formatShort, log: true },
} as const satisfies Partial<Record<keyof EpochRecord, unknown>>;
type Measure = keyof typeof MEASURES;

/** Curves of the chosen runs over each other, and how their configs differ. */
export function ComparePanel({ runs }: { readonly runs: readonly RunRecord[] }) {
  const [measure, setMeasure] = useState<Measure>("validationPsnrDb");
  const curves = useCurves(runs, measure === "trainLoss");
  const traces = useMemo(
    () => runs.map((run, index) => traceOf(run, index, measure, curves.get(run.id))),
    [runs, measure, curves],
  );
  const { label, format, log } = MEASURES[measure];
  const [first, second, third] = runs;
  return (
    <Card component="section" aria-label="Comparison">
      <Group justify="space-between" mb="md">
        <Title order={2}>{runs.length === 1 ? "Curve" : `${runs.length} runs compared`}</Title>
        <SegmentedControl
          aria-label="Quantity"
          size="xs"
          value={measure}
          onChange={(next) => setMeasure(next as Measure)}
          data={Object.entries(MEASURES).map(([value, { label: text }]) => ({ value, label: text }))}
        />
      </Group>
      <LineChart
        label={`${label} of ${runs.length} runs`}
        traces={traces}
        xLabel={measure === "trainLoss" ? "step (running mean)" : "step"}
        format={format}
        log={log}
        height={300}
      />
      {first && second && !third && (
        <Button
          component={Link}
          href={`/runs/${first.id}?beside=${second.id}`}
          variant="default"
          size="xs"
          mt="sm"
          w="fit-content"
          leftSection={<IconMovie size={16} />}
        >
          Watch both learn, side by side
        </Button>
      )}
      {runs.length > 1 && <Differences runs={runs} />}
      {runs.length === 1 && (
        <Text size="sm" c="dimmed" mt="sm">
          Tick another run to lay its curve over this one and see what differs.
        </Text>
      )}
    </Card>
  );
}

function traceOf(run: RunRecord, index: number, measure: Measure, curve: ThinnedCurve | undefined): Trace {
  const colour = `--lab-series-${(index % SERIES) + 1}`;
  if (measure === "trainLoss" && curve)
    return { label: run.name, colour, x: curve.steps, y: curve.smooth, style: "line" };
  return {
    label: run.name,
    colour,
    x: run.epochs.map((epoch) => epoch.step),
    y: run.epochs.map((epoch) => epoch[measure]),
    style: "points",
  };
}

/** The thinned losses of runs by id, read when they are wanted. */
function useCurves(runs: readonly RunRecord[], wanted: boolean): ReadonlyMap<string, ThinnedCurve> {
  const [curves, setCurves] = useState<ReadonlyMap<string, ThinnedCurve>>(new Map());
  useEffect(() => {
    if (!wanted) return;
    let current = true;
    void Promise.all(runs.map(async ({ id }) => [id, await loadCurve(id)] as const)).then((loaded) => {
      if (!current) return;
      const read = loaded.flatMap(([id, outcome]) =>
        outcome.ok ? [[id, outcome.value.thinned()] as const] : [],
      );
      setCurves(new Map(read));
    });
    return () => {
      current = false;
    };
  }, [runs, wanted]);
  return curves;
}

function Differences({ runs }: { readonly runs: readonly RunRecord[] }) {
  const rows = configDifferences(runs.map((run) => run.config));
  if (rows.length === 0)
    return (
      <Text size="sm" c="dimmed" mt="md">
        Their configs are the same.
      </Text>
    );
  return (
    <Stack gap="xs" mt="lg">
      <Title order={3}>What differs</Title>
      <Table.ScrollContainer
        type="native"
        tabIndex={0}
        role="region"
        aria-label="What differs"
        minWidth={160 + runs.length * 120}
      >
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Field</Table.Th>
              {runs.map((run) => (
                <Table.Th key={run.id} scope="col">
                  {run.name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ path, values }) => (
              <Table.Tr key={path}>
                <Table.Th scope="row" fw={500}>
                  <code>{path}</code>
                </Table.Th>
                {values.map((value, index) => (
                  <Table.Td key={runs[index]?.id ?? value}>{value}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  );
}
