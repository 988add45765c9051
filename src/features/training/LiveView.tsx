import { Badge, Button, Card, Grid, Group, Stack, Switch, Text, Title } from "@mantine/core";
import { IconChevronRight, IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import { datasetId, isSynchronised, phantomCount } from "@/contracts/runConfig";
import { LiveFilm } from "@/features/film/LiveFilm";
import { useDatasets } from "@/state/datasets";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatBytes, formatCount, formatFixed, formatMs } from "@/ui/format";
import { PreviewStrip } from "@/ui/PreviewStrip";
import { ReplicaTable } from "@/ui/ReplicaTable";
import { RunNotices } from "@/ui/RunNotices";
import { Stat, StatRow } from "@/ui/Stat";
import { EpochChart } from "./EpochChart";
import { LiveComparison } from "./LiveComparison";
import { LiveProgress } from "./LiveProgress";
import { LiveLossChart } from "./LossChart";
import { ResultTable } from "./ResultTable";
import { RunControls } from "./RunControls";
import { useResume } from "./useResume";

/** One array, so that nothing is rendered for it. */
const NONE: readonly string[] = [];

/** Everything about the run in progress, or the one that has just ended. */
export function LiveView() {
  const run = useTraining((state) => state.run);
  const phase = useTraining((state) => state.phase);
  const failure = useTraining((state) => state.failure);
  const checkpointStep = useTraining((state) => state.checkpointStep);
  const notes = useTraining((state) => state.started?.notes ?? NONE);
  const recoveries = useTraining((state) => state.recoveries);
  const resume = useResume();
  const began = useTraining((state) => state.started !== null || state.epochs.length > 0);
  if (!run) return null;
  const nothing = phase === "failed" && !began;
  return (
    <Stack gap="lg">
      {failure && (
        <FailurePanel title="The run has stopped" failure={failure}>
          {run.id !== "" && (
            <>
              {checkpointStep > 0 && (
                <Button leftSection={<IconPlayerPlay size={18} />} onClick={() => void resume(run.id)}>
                  Resume from step {formatCount(checkpointStep)}
                </Button>
              )}
              <Button component={Link} href={`/runs/${run.id}`} variant="default">
                Look at the run
              </Button>
            </>
          )}
        </FailurePanel>
      )}
      <RunNotices notes={notes} recoveries={recoveries} />
      {!nothing && <LiveBody runId={run.id} />}
    </Stack>
  );
}

function LiveBody({ runId }: { readonly runId: string }) {
  const phase = useTraining((state) => state.phase);
  const result = useTraining((state) => state.result);
  return (
    <>
      <Card>
        <Stack gap="md">
          <LiveProgress />
          {isLive(phase) ? (
            <RunControls confirmStop />
          ) : (
            <Group gap="sm">
              <Button component={Link} href={`/runs/${runId}`} rightSection={<IconChevronRight size={18} />}>
                Results and files
              </Button>
              {result && (
                <Button component={Link} href="/denoise" variant="default">
                  Denoise with it
                </Button>
              )}
            </Group>
          )}
          <LiveFigures />
        </Stack>
      </Card>
      {result?.test && (
        <Card>
          <Title order={2} mb="sm">
            On {formatCount(result.test.count)} test images it never saw
          </Title>
          <ResultTable test={result.test} />
        </Card>
      )}
      <LiveComparison runId={runId} />
      <LiveReplicas />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <LiveCharts />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <LivePictures />
        </Grid.Col>
      </Grid>
      <LiveFilm />
    </>
  );
}

/** Nothing for a run of one replica. */
function LiveReplicas() {
  const replicas = useTraining((state) => state.replicas);
  const run = useTraining((state) => state.run);
  if (replicas.length === 0) return null;
  return (
    <Card component="section" aria-label="Replicas">
      <Title order={2} mb="sm">
        Replicas
      </Title>
      <ReplicaTable replicas={replicas} synchronised={run !== null && isSynchronised(run.config)} />
    </Card>
  );
}

function LiveFigures() {
  const started = useTraining((state) => state.started);
  const progress = useTraining((state) => state.progress);
  const stepMs = useTraining((state) => state.stepMs);
  const epochs = useTraining((state) => state.epochs);
  const checkpointStep = useTraining((state) => state.checkpointStep);
  const best = epochs.reduce<(typeof epochs)[number] | null>(
    (found, epoch) => (found === null || epoch.validationLoss < found.validationLoss ? epoch : found),
    null,
  );
  return (
    <StatRow>
      <Stat
        label="Speed"
        value={`${formatFixed(progress?.imagesPerSecond, 1)} images/s`}
        note={`${formatMs(stepMs)} a step`}
      />
      <Stat
        label="Epoch"
        value={progress ? `${progress.epoch} / ${progress.epochs}` : "–"}
        note={progress ? `step ${progress.stepInEpoch} of ${progress.stepsPerEpoch}` : undefined}
      />
      <Stat
        label="Best epoch"
        value={best ? best.epoch : "–"}
        note={
          best
            ? `${formatFixed(best.validationPsnrDb, 2)} dB, SSIM ${formatFixed(best.validationSsim, 3)}`
            : undefined
        }
      />
      <Stat
        label="Engine"
        value={started?.engine ?? "–"}
        note={started ? timings(started.engineTimingsMs) : undefined}
      />
      <Stat label="Device memory" value={formatBytes(progress?.deviceBytes)} />
      <Stat
        label="Network"
        value={started ? formatCount(started.parameters) : "–"}
        note={started ? "parameters" : undefined}
      />
      <Stat
        label="Images"
        value={started ? formatCount(started.train) : "–"}
        note={
          started
            ? `train, ${formatCount(started.validation)} val., ${formatCount(started.test)} test`
            : undefined
        }
      />
      <Stat
        label="Checkpoint"
        value={checkpointStep > 0 ? `step ${formatCount(checkpointStep)}` : "none yet"}
      />
    </StatRow>
  );
}

/** What "auto" measured, the slower ones too. */
function timings(ms: Readonly<Record<string, number>>): string | undefined {
  const entries = Object.entries(ms).sort(([, a], [, b]) => a - b);
  return entries.length < 2
    ? undefined
    : entries.map(([engine, time]) => `${engine.replace("tfjs-", "")} ${formatMs(time)}`).join(", ");
}

function LiveCharts() {
  const [log, setLog] = useState(true);
  const epochs = useTraining((state) => state.epochs);
  return (
    <Stack gap="lg">
      <Card>
        <Group justify="space-between" mb="xs">
          <Title order={2}>Loss</Title>
          <Switch
            label="Logarithmic"
            checked={log}
            onChange={(event) => setLog(event.currentTarget.checked)}
          />
        </Group>
        <LiveLossChart log={log} height={260} />
      </Card>
      <Card>
        <Title order={2} mb="xs">
          Validation quality
        </Title>
        <Grid gap="md">
          <Grid.Col span={{ base: 12, sm: 6 }}>
            <EpochChart epochs={epochs} quantity="validationPsnrDb" />
          </Grid.Col>
          <Grid.Col span={{ base: 12, sm: 6 }}>
            <EpochChart epochs={epochs} quantity="validationSsim" />
          </Grid.Col>
        </Grid>
      </Card>
    </Stack>
  );
}

function LivePictures() {
  const preview = useTraining((state) => state.preview);
  const source = useTraining((state) => state.run?.config.data.source ?? "any");
  const { datasets } = useDatasets();
  const synthetic =
    phantomCount(source) !== null || datasets.find(({ id }) => id === datasetId(source))?.kind === "phantom";
  return (
    <Card>
      <Group justify="space-between" mb="sm">
        <Title order={2}>Validation images</Title>
        {synthetic && <Badge variant="default">synthetic phantoms</Badge>}
      </Group>
      <PreviewStrip strip={preview} most={4} synthetic={synthetic} />
      <Text size="sm" c="dimmed" mt="sm">
        {preview
          ? `As the network saw them at step ${formatCount(preview.step)}. They are never trained on.`
          : "The first pictures come before the first step."}
      </Text>
    </Card>
  );
}
