import { Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconPlayerStop, IconStopwatch } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import { cancelJob, type EngineJob, type EngineLabState, measurePlan, tunePlan } from "@/state/engineLab";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { formatMs, formatSeconds } from "@/ui/format";
import { plural } from "@/ui/plural";

export interface PlanActionsProps {
  readonly lab: EngineLabState;
  readonly valid: boolean;
}

/** Measure and tune, with their progress. */
export function PlanActions({ lab, valid }: PlanActionsProps) {
  const { job, planning, report, tuned } = lab;
  const training = useTraining((state) => isLive(state.phase));
  const buttons = useFocusWithJob(job?.kind ?? null);
  const ready = valid && !planning && report !== null;
  return (
    <Stack gap="sm" mt="lg">
      {job ? (
        // Keys: one button made into another would keep the focus, and the next Enter would tune.
        <Group key="job" gap="md" wrap="nowrap" align="flex-end">
          <div style={{ flex: 1, minWidth: 0 }}>
            <JobProgress job={job} />
          </div>
          <Button
            ref={buttons.cancel}
            variant="default"
            leftSection={<IconPlayerStop size={18} />}
            disabled={job.cancelling}
            onClick={cancelJob}
          >
            {job.cancelling ? "Ending" : "Cancel"}
          </Button>
        </Group>
      ) : (
        <Group key="idle" gap="sm">
          <Button
            ref={buttons.measure}
            leftSection={<IconStopwatch size={18} />}
            disabled={!ready}
            onClick={() => void measurePlan()}
          >
            Measure
          </Button>
          <Button
            ref={buttons.tune}
            variant="default"
            leftSection={<IconAdjustmentsHorizontal size={18} />}
            disabled={!ready}
            onClick={() => void tunePlan()}
          >
            Tune
          </Button>
        </Group>
      )}
      <Text size="sm" c="dimmed" maw={860}>
        <strong>Measure</strong> runs the plan a few times and times every dispatch. <strong>Tune</strong>{" "}
        tries several ways to compute each operation for up to a minute and keeps the fastest; the choices are
        stored in this browser only.
      </Text>
      {training && (
        <Text size="sm" c="var(--lab-warn)">
          A run is in progress on this machine: what is measured meanwhile takes longer than it would alone.
        </Text>
      )}
      <div aria-live="polite">
        {!job && tuned && (
          <Text size="sm" c="var(--lab-ink)">
            {`Tuned ${plural(tuned.entries.length, "operation")} in ${formatSeconds(tuned.seconds)}${tuned.left > 0 ? `; ${plural(tuned.left, "is", "are")} left: tune again to go on` : ""}. ${report?.stepMs === null ? "Measure to see the plan with these choices." : ""}`}
          </Text>
        )}
        {!job && report?.stepMs != null && !planning && (
          <Text
            size="sm"
            c="var(--lab-ink)"
          >{`Measured: ${formatMs(report.stepMs)} a ${report.request.pass === "training" ? "step" : "pass"}.`}</Text>
        )}
      </div>
    </Stack>
  );
}

function JobProgress({ job }: { readonly job: EngineJob }) {
  const { kind, done, total, kernel, secondsLeft } = job;
  const what = kind === "measure" ? "Measuring" : "Tuning";
  return (
    <>
      <Group justify="space-between" gap="xs" mb={6}>
        <Text fw={600} size="sm" style={{ overflowWrap: "anywhere" }}>
          {what}
          {kernel !== null && <Text span c="dimmed" size="sm">{` · ${kernel}`}</Text>}
        </Text>
        <Text size="sm" c="dimmed">
          {total === 0
            ? "compiling"
            : `${done} of ${plural(total, kind === "measure" ? "round" : "operation")}${secondsLeft === null ? "" : `, ${formatSeconds(secondsLeft)} left`}`}
        </Text>
      </Group>
      <Progress value={total === 0 ? 0 : (100 * done) / total} size="sm" aria-label={`${what}: progress`} />
    </>
  );
}

/** The button that starts a job makes way for the one that ends it, and back: the focus goes with them. */
function useFocusWithJob(kind: EngineJob["kind"] | null) {
  const cancel = useRef<HTMLButtonElement>(null);
  const measure = useRef<HTMLButtonElement>(null);
  const tune = useRef<HTMLButtonElement>(null);
  const before = useRef<EngineJob["kind"] | null>(kind);
  useEffect(() => {
    const last = before.current;
    before.current = kind;
    // Whoever has gone on to something else stays there.
    if (kind === last || document.activeElement !== document.body) return;
    if (kind !== null) cancel.current?.focus();
    else if (last !== null) ({ measure, tune })[last].current?.focus();
  }, [kind]);
  return { cancel, measure, tune };
}
