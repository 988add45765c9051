import { Group, Progress, Text } from "@mantine/core";
import { useTraining } from "@/state/training";
import { isLive, type LivePhase } from "@/state/trainingReducer";
import { formatCount, formatSeconds } from "@/ui/format";

/** What a phase is called while it lasts. */
export function phaseText(phase: LivePhase): string {
  switch (phase) {
    case "rendering":
      return "Drawing synthetic phantoms";
    case "preparing":
      return "Preparing images and network";
    case "choosing-engine":
      return "Timing the engines of this machine";
    case "training":
      return "Training";
    case "validating":
      return "Validating";
    case "paused":
      return "Paused";
    case "recovering":
      return "Getting the graphics device back";
    case "testing":
      return "Testing the best weights";
    case "done":
      return "Done";
    case "stopped":
      return "Stopped";
    case "failed":
      return "Failed";
    default:
      return phase satisfies never;
  }
}

/** Phase, place in the run and time left, with one bar. */
export function LiveProgress() {
  const phase = useTraining((state) => state.phase);
  const note = useTraining((state) => state.note);
  const asked = useTraining((state) => state.asked);
  const progress = useTraining((state) => state.progress);
  const rendering = useTraining((state) => state.rendering);
  if (phase === null) return null;
  const share =
    phase === "rendering"
      ? rendering?.total
        ? rendering.done / rendering.total
        : 0
      : progress
        ? progress.step / Math.max(1, progress.totalSteps)
        : 0;
  const waiting = {
    pause: "Pausing after this step",
    continue: "Continuing",
    stop: "Stopping after this step",
  };
  const words = asked ? waiting[asked] : phaseText(phase);
  return (
    <div>
      <Group justify="space-between" gap="xs" mb={6}>
        <Text fw={600} size="sm">
          {words}
          {note && !asked ? <Text span c="dimmed">{` · ${note}`}</Text> : null}
        </Text>
        <Text size="sm" c="dimmed">
          {phase === "rendering" && rendering
            ? `${formatCount(rendering.done)} of ${formatCount(rendering.total)} images`
            : progress
              ? `epoch ${progress.epoch} of ${progress.epochs}, step ${formatCount(progress.step)} of ${formatCount(progress.totalSteps)}${progress.secondsLeft === null || !isLive(phase) ? "" : `, ${formatSeconds(progress.secondsLeft)} left`}`
              : ""}
        </Text>
      </Group>
      <Progress
        value={share * 100}
        size="sm"
        aria-label="Progress of the run"
        {...(phase === "paused" || phase === "recovering" ? { color: "orange" } : {})}
      />
    </div>
  );
}
