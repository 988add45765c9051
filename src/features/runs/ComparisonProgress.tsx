import { Progress, Text } from "@mantine/core";
import { useComparison } from "@/state/comparison";
import { formatCount, formatSeconds } from "@/ui/format";

/** How far the comparison at work is. */
export function ComparisonProgress() {
  const { progress } = useComparison();
  const share = progress ? (100 * progress.done) / progress.total : 0;
  const left =
    progress && progress.secondsLeft !== null ? `, ${formatSeconds(progress.secondsLeft)} left` : "";
  return (
    <>
      <Progress value={share} aria-label="Methods compared" mb={4} />
      <Text size="sm" c="dimmed" mb="sm" aria-live="off">
        {progress
          ? `${formatCount(progress.done)} of ${formatCount(progress.total)} pictures${left}`
          : "Starting"}
      </Text>
    </>
  );
}
