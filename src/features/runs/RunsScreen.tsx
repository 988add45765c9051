import { Button, Card, Stack } from "@mantine/core";
import { IconChartLine, IconPlus, IconReportAnalytics } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { Link } from "wouter";
import { ResumeBanner } from "@/features/training/ResumeBanner";
import { refreshRuns, useRuns } from "@/state/runs";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { ComparePanel } from "./ComparePanel";
import { ImportPanel } from "./ImportPanel";
import { LpipsPanel } from "./LpipsPanel";
import { RunsTable } from "./RunsTable";

/** Every run stored here: to look at, compare, go on with, take away. */
export default function RunsScreen() {
  const { status, runs, failure } = useRuns();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = useMemo(() => runs.filter((run) => selected.has(run.id)), [runs, selected]);
  const onSelect = (id: string, on: boolean): void => {
    const next = new Set(selected);
    if (on) next.add(id);
    else next.delete(id);
    setSelected(next);
  };
  return (
    <>
      <PageHeader
        title="Runs"
        lead="Every training run, with its config, curves, results and weights. Tick runs to compare them."
      >
        {runs.length > 0 && (
          <Button
            component={Link}
            href={chosen.length > 0 ? `/report?runs=${chosen.map(({ id }) => id).join()}` : "/report"}
            variant="default"
            leftSection={<IconReportAnalytics size={18} />}
          >
            Make report
          </Button>
        )}
        <Button component={Link} href="/train" leftSection={<IconPlus size={18} />}>
          New run
        </Button>
      </PageHeader>
      <ResumeBanner />
      <Stack gap="lg">
        {status === "failed" && failure && (
          <FailurePanel title="The list of runs could not be read" failure={failure}>
            <Button onClick={() => void refreshRuns()}>Try again</Button>
          </FailurePanel>
        )}
        {status === "loading" && <LoadingScreen />}
        {status === "ready" && runs.length === 0 && (
          <EmptyPanel
            icon={<IconChartLine size={28} />}
            title="No run yet"
            text="A run is one training from start to end. Start the demo for a first one, or set up your own; it will appear here with everything needed to repeat it."
          >
            <Button component={Link} href="/">
              To the demo
            </Button>
            <Button component={Link} href="/train" variant="default">
              Set up a run
            </Button>
          </EmptyPanel>
        )}
        {runs.length > 0 && (
          <Card padding="xs">
            <RunsTable runs={runs} selected={selected} onSelect={onSelect} />
          </Card>
        )}
        {chosen.length > 0 && <ComparePanel runs={chosen} />}
        {status !== "loading" && <ImportPanel />}
        {status !== "loading" && <LpipsPanel />}
      </Stack>
    </>
  );
}
