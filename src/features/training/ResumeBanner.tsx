import { Button, Group, Text } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { Link } from "wouter";
import { isResumable, useRuns } from "@/state/runs";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { formatCount } from "@/ui/format";
import classes from "./ResumeBanner.module.css";
import { useResume } from "./useResume";

/** Offers the newest run that was cut off, while none is in progress. */
export function ResumeBanner() {
  const { runs } = useRuns();
  const phase = useTraining((state) => state.phase);
  const resume = useResume();
  const cut = runs.find((run) => run.status === "interrupted" && isResumable(run));
  if (!cut || isLive(phase)) return null;
  return (
    <section className={classes["banner"]} aria-label="A run was interrupted">
      <div className={classes["text"]}>
        <Text fw={650}>“{cut.name}” was interrupted</Text>
        <Text size="sm">
          Its last checkpoint is at step {formatCount(cut.checkpointStep)}; it continues from there to the
          same numbers.
        </Text>
      </div>
      <Group gap="sm">
        <Button leftSection={<IconPlayerPlay size={18} />} onClick={() => void resume(cut.id)}>
          Resume
        </Button>
        <Button component={Link} href={`/runs/${cut.id}`} variant="default">
          Look at it
        </Button>
      </Group>
    </section>
  );
}
