import { Progress, Text } from "@mantine/core";
import { useStudyReport } from "@/state/studyReport";
import { formatCount, formatSeconds } from "@/ui/format";

/** How far the worker is with pictures, whatever they are for. */
export function WorkProgress({ label }: { readonly label: string }) {
  const { progress } = useStudyReport();
  const left =
    progress && progress.secondsLeft !== null && progress.done < progress.total
      ? `, ${formatSeconds(progress.secondsLeft)} left`
      : "";
  return (
    <div>
      <Progress
        value={progress ? (100 * progress.done) / Math.max(1, progress.total) : 0}
        aria-label={label}
        mb={4}
      />
      <Text size="sm" c="dimmed" aria-live="off">
        {progress
          ? `${formatCount(progress.done)} of ${formatCount(progress.total)} pictures${left}`
          : "Starting"}
      </Text>
    </div>
  );
}
