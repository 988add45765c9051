import { Button, Card, Grid, Group, Stack, Switch, Text, Title } from "@mantine/core";
import {
  IconArrowLeft,
  IconDownload,
  IconMoodEmpty,
  IconPlayerPlay,
  IconSettings,
} from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { Link, useLocation, useSearch } from "wouter";
import type { RunRecord } from "@/contracts/run";
import { isSynchronised } from "@/contracts/runConfig";
import type { PreviewStrip as Strip } from "@/contracts/training";
import { FilmCard } from "@/features/film/FilmCard";
import { EpochChart } from "@/features/training/EpochChart";
import { LossChart, lossTraces } from "@/features/training/LossChart";
import { ResultTable } from "@/features/training/ResultTable";
import { LossCurve } from "@/state/curve";
import { bestPsnr, loadCurve, loadPreview, useRuns } from "@/state/runs";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatCount, formatFixed, formatMs, formatSeconds, formatShort, formatTime } from "@/ui/format";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { PreviewStrip } from "@/ui/PreviewStrip";
import { ReplicaTable } from "@/ui/ReplicaTable";
import { RunNotices } from "@/ui/RunNotices";
import { Stat, StatRow } from "@/ui/Stat";
import { MeasureLpips } from "./MeasureLpips";
import { MethodsCard } from "./MethodsCard";
import { configAddress, RunMenu, useRunActions } from "./RunActions";
import { RunTables } from "./RunTables";
import { networkName, noiseName, runSeconds } from "./runFacts";
import { StatusBadge } from "./StatusBadge";

/** One run with everything it left. */
export default function RunScreen({ runId }: { readonly runId: string }) {
  const { status, runs, failure } = useRuns();
  const run = runs.find(({ id }) => id === runId);
  if (run) return <RunPage run={run} runs={runs} />;
  if (status === "loading") return <LoadingScreen />;
  return (
    <>
      <PageHeader title="Run" />
      {failure ? (
        <FailurePanel title="The run could not be read" failure={failure} />
      ) : (
        <EmptyPanel
          icon={<IconMoodEmpty size={28} />}
          title="This run is not stored here"
          text="It may have been deleted, or the link comes from another browser. Runs travel as exported zip files."
        >
          <Button component={Link} href="/runs">
            To the list of runs
          </Button>
        </EmptyPanel>
      )}
    </>
  );
}

function RunPage({ run, runs }: { readonly run: RunRecord; readonly runs: readonly RunRecord[] }) {
  const beside = new URLSearchParams(useSearch()).get("beside");
  const [, navigate] = useLocation();
  const { resume, save, exporting, resumable } = useRunActions(run);
  const trainedHere = useTraining((state) => state.run?.id === run.id && isLive(state.phase));
  return (
    <>
      <Button
        component={Link}
        href="/runs"
        variant="subtle"
        size="compact-sm"
        mb="xs"
        ml={-8}
        leftSection={<IconArrowLeft size={16} />}
      >
        All runs
      </Button>
      <PageHeader
        title={run.name}
        lead={`${networkName(run.config.model)}, ${noiseName(run.config.noise)}, ${run.config.data.size}². Started ${formatTime(run.createdAt)}.`}
      >
        {trainedHere && (
          <Button component={Link} href="/train">
            Live view
          </Button>
        )}
        {resumable && (
          <Button leftSection={<IconPlayerPlay size={18} />} onClick={() => void resume()}>
            Resume from step {formatCount(run.checkpointStep)}
          </Button>
        )}
        <Button
          component={Link}
          href={configAddress(run)}
          variant="default"
          leftSection={<IconSettings size={18} />}
        >
          Open this config
        </Button>
        <Button
          variant="default"
          leftSection={<IconDownload size={18} />}
          loading={exporting}
          onClick={() => void save()}
        >
          Export
        </Button>
        <RunMenu run={run} onDeleted={() => navigate("/runs")} />
      </PageHeader>
      <Stack gap="lg">
        {run.failure && <FailurePanel title="This run has failed" failure={run.failure} />}
        <RunNotices notes={run.started?.notes ?? []} recoveries={run.recoveries} />
        <Card>
          <Figures run={run} />
        </Card>
        {run.result?.test && (
          <Card>
            <Title order={2} mb="sm">
              On {formatCount(run.result.test.count)} test images it never saw
              {run.result.dataset.synthetic ? " (synthetic)" : ""}
            </Title>
            <ResultTable test={run.result.test} />
            {run.result.test.denoised.lpips === null && <MeasureLpips runId={run.id} />}
          </Card>
        )}
        <FilmCard run={run} runs={runs} beside={beside} onExportWithout={() => void save(false)} />
        {run.result && run.result.replicas.length > 1 && (
          <Card>
            <Title order={2} mb="sm">
              Replicas
            </Title>
            <ReplicaTable replicas={run.result.replicas} synchronised={isSynchronised(run.config)} />
          </Card>
        )}
        {run.result?.test && <MethodsCard run={run} result={run.result} />}
        <Grid gap="lg">
          <Grid.Col span={{ base: 12, lg: 7 }}>
            <Curves run={run} />
          </Grid.Col>
          <Grid.Col span={{ base: 12, lg: 5 }}>
            <Pictures run={run} />
          </Grid.Col>
        </Grid>
        <RunTables run={run} />
      </Stack>
    </>
  );
}

function Figures({ run }: { readonly run: RunRecord }) {
  const best = bestPsnr(run);
  const { result, started } = run;
  return (
    <StatRow>
      <Stat label="Status" value={<StatusBadge status={run.status} />} />
      <Stat
        label="Best validation PSNR"
        value={best ? `${formatFixed(best.psnrDb, 2)} dB` : "–"}
        note={best ? `epoch ${best.epoch}` : undefined}
      />
      <Stat
        label="Epochs"
        value={`${run.epochs.length} / ${run.config.training.epochs}`}
        note={`${formatCount(run.step)} steps`}
      />
      <Stat label="Time" value={formatSeconds(runSeconds(run))} note="training and validation" />
      <Stat
        label="Speed"
        value={result ? `${formatFixed(result.timing.trainImagesPerSecond, 1)} images/s` : "–"}
        note={
          result
            ? `${formatMs(result.timing.stepMsMedian)} a step, p95 ${formatMs(result.timing.stepMsP95)}`
            : undefined
        }
      />
      <Stat
        label="Achieved"
        value={result ? `${formatShort(result.timing.achievedGflops)} GFLOP/s` : "–"}
        note={started?.engine}
      />
      <Stat label="Parameters" value={formatCount(started?.parameters ?? result?.model.parameters)} />
      <Stat
        label="Images"
        value={started ? formatCount(started.train) : "–"}
        note={
          started
            ? `train, ${formatCount(started.validation)} val., ${formatCount(started.test)} test`
            : undefined
        }
      />
    </StatRow>
  );
}

function Curves({ run }: { readonly run: RunRecord }) {
  const [log, setLog] = useState(true);
  const [curve, setCurve] = useState(() => new LossCurve());
  // A run in progress stores its curve with each checkpoint.
  const { id, checkpointStep } = run;
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when a checkpoint has stored more of it
  useEffect(() => {
    let current = true;
    void loadCurve(id).then((outcome) => {
      if (current && outcome.ok) setCurve(outcome.value);
    });
    return () => {
      current = false;
    };
  }, [id, checkpointStep]);
  const traces = useMemo(
    () => lossTraces(curve, run.epochs, run.recoveries),
    [curve, run.epochs, run.recoveries],
  );
  return (
    <Card>
      <Group justify="space-between" mb="xs">
        <Title order={2}>Curves</Title>
        <Switch label="Logarithmic" checked={log} onChange={(event) => setLog(event.currentTarget.checked)} />
      </Group>
      <LossChart traces={traces} log={log} height={240} />
      <Grid gap="md" mt="md">
        <Grid.Col span={{ base: 12, sm: 6 }}>
          <EpochChart epochs={run.epochs} quantity="validationPsnrDb" />
        </Grid.Col>
        <Grid.Col span={{ base: 12, sm: 6 }}>
          <EpochChart epochs={run.epochs} quantity="validationSsim" />
        </Grid.Col>
      </Grid>
    </Card>
  );
}

function Pictures({ run }: { readonly run: RunRecord }) {
  const [strip, setStrip] = useState<Strip | null>(null);
  const { id, checkpointStep } = run;
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when a checkpoint has stored newer pictures
  useEffect(() => {
    let current = true;
    void loadPreview(id).then((outcome) => {
      if (current && outcome.ok) setStrip(outcome.value);
    });
    return () => {
      current = false;
    };
  }, [id, checkpointStep]);
  const synthetic = run.result?.dataset.synthetic ?? false;
  return (
    <Card>
      <Title order={2} mb="sm">
        Validation images
      </Title>
      {strip ? (
        <>
          <PreviewStrip strip={strip} most={4} synthetic={synthetic} outputLabel="denoised" />
          <Text size="sm" c="dimmed" mt="sm">
            {`At step ${formatCount(strip.step)}${synthetic ? ", synthetic phantoms" : ""}.`}
          </Text>
        </>
      ) : (
        <Text size="sm" c="dimmed">
          No pictures are stored with this run.
        </Text>
      )}
    </Card>
  );
}
