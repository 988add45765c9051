import { Badge, Button, Card, Group, List, Stack, Text, Title } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { Link } from "wouter";
import { LiveProgress } from "@/features/training/LiveProgress";
import { LiveLossChart } from "@/features/training/LossChart";
import { RunControls } from "@/features/training/RunControls";
import { useResume } from "@/features/training/useResume";
import { DEMO_CONFIG, DEMO_NAME, startDemo } from "@/state/demo";
import { useDemoPictures } from "@/state/demoPictures";
import { useRuns } from "@/state/runs";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatFixed } from "@/ui/format";
import { PreviewStrip } from "@/ui/PreviewStrip";
import { Stat, StatRow } from "@/ui/Stat";
import classes from "./DemoPanel.module.css";
import { storyOf } from "./story";

const PICTURES = 4;

function Pictures({ own }: { readonly own: boolean }) {
  const prelude = useDemoPictures();
  const preview = useTraining((state) => state.preview);
  return <PreviewStrip strip={(own ? preview : null) ?? prelude} most={PICTURES} synthetic />;
}

function Narration({ own }: { readonly own: boolean }) {
  // The words change with phase, pictures and result only, never with a single step.
  const phase = useTraining((state) => state.phase);
  const preview = useTraining((state) => state.preview);
  const result = useTraining((state) => state.result);
  const { title, text } = storyOf(
    own ? { phase, preview, result } : { phase: null, preview: null, result: null },
  );
  return (
    <div aria-live="polite" className={classes["story"]} data-live={own || undefined}>
      <Title order={2}>{title}</Title>
      <Text mt={4}>{text}</Text>
    </div>
  );
}

function Figures() {
  const epochs = useTraining((state) => state.epochs);
  const speed = useTraining((state) => state.progress?.imagesPerSecond ?? null);
  const engine = useTraining((state) => state.started?.engine ?? null);
  const last = epochs.at(-1);
  return (
    <StatRow>
      <Stat label="Validation PSNR" value={`${formatFixed(last?.validationPsnrDb, 2)} dB`} />
      <Stat label="Validation SSIM" value={formatFixed(last?.validationSsim, 3)} />
      <Stat label="Speed" value={`${formatFixed(speed, 1)} images/s`} />
      <Stat label="Engine" value={engine ?? "–"} />
    </StatRow>
  );
}

/** The demo: pictures on one side, what they mean and the curve on the other. */
export function DemoPanel() {
  const run = useTraining((state) => state.run);
  const phase = useTraining((state) => state.phase);
  const failure = useTraining((state) => state.failure);
  const epochs = useTraining((state) => state.epochs.length);
  const checkpointStep = useTraining((state) => state.checkpointStep);
  const resume = useResume();
  const { runs } = useRuns();
  if (run && run.name !== DEMO_NAME && isLive(phase)) return <OtherRun name={run.name} />;
  const earlier = runs.find((stored) => stored.name === DEMO_NAME && stored.epochs.length > 0);
  const shown = run?.name === DEMO_NAME;
  const live = shown && isLive(phase);
  return (
    <Card className={classes["panel"]} padding={0}>
      <div className={classes["pictures"]}>
        <Group justify="space-between" mb="sm">
          <Text fw={650}>Noisy, now, clean</Text>
          <Badge variant="default">synthetic phantoms</Badge>
        </Group>
        <Pictures own={shown} />
      </div>
      <Stack className={classes["side"] ?? ""} gap="md">
        <Narration own={shown} />
        {shown && failure && (
          <FailurePanel title="The demo has stopped" failure={failure}>
            {checkpointStep > 0 && (
              <Button onClick={() => void resume(run.id)}>Resume from step {checkpointStep}</Button>
            )}
          </FailurePanel>
        )}
        {shown ? (
          <>
            {live && <LiveProgress />}
            {(live || epochs > 0) && (
              <>
                <LiveLossChart height={190} />
                <Figures />
              </>
            )}
            <Group gap="sm">
              {live ? <RunControls confirmStop={false} /> : <StartButton label="Run the demo again" />}
              <Button component={Link} href="/train" variant="subtle">
                All curves and settings
              </Button>
            </Group>
          </>
        ) : (
          <>
            <List spacing={6} c="dimmed">
              <List.Item>
                <strong>Noisy</strong> is what the network is given: a phantom with Gaussian noise of σ{" "}
                {DEMO_CONFIG.noise.std}.
              </List.Item>
              <List.Item>
                <strong>Now</strong> is what it makes of it, redrawn every few seconds while it learns.
              </List.Item>
              <List.Item>
                <strong>Clean</strong> is what it should become; PSNR (dB) says how near it is.
              </List.Item>
            </List>
            <Group gap="sm">
              <StartButton label={earlier ? "Run the demo again" : "Start the demo"} />
              {earlier && (
                <Button component={Link} href={`/runs/${earlier.id}`} variant="subtle">
                  Look at the last one
                </Button>
              )}
            </Group>
            <Text size="sm" c="dimmed">
              A U-Net of width {DEMO_CONFIG.model.width} on 96 generated images of {DEMO_CONFIG.data.size}×
              {DEMO_CONFIG.data.size} pixels, {DEMO_CONFIG.training.epochs} epochs: a few minutes on a
              processor, less on a graphics card.
            </Text>
          </>
        )}
      </Stack>
    </Card>
  );
}

function StartButton({ label }: { readonly label: string }) {
  return (
    <Button size="md" leftSection={<IconPlayerPlay size={20} />} onClick={() => void startDemo()}>
      {label}
    </Button>
  );
}

function OtherRun({ name }: { readonly name: string }) {
  return (
    <Card>
      <Title order={2}>“{name}” is training</Title>
      <Stack gap="md" mt="md">
        <LiveProgress />
        <Group>
          <Button component={Link} href="/train">
            Open the live view
          </Button>
        </Group>
      </Stack>
    </Card>
  );
}
