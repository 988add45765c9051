import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPlayerPlay } from "@tabler/icons-react";
import { Link, useLocation } from "wouter";
import { isResumable, useRuns } from "@/state/runs";
import { resumeTraining, useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { formatCount } from "@/ui/format";
import classes from "./ResumeBanner.module.css";

/** Offers the newest run that was cut off, while none is in progress. */
export function ResumeBanner() {
  const { runs } = useRuns();
  const phase = useTraining((state) => state.phase);
  const [, navigate] = useLocation();
  const cut = runs.find((run) => run.status === "interrupted" && isResumable(run));
  if (!cut || isLive(phase)) return null;
  const resume = async (): Promise<void> => {
    const outcome = await resumeTraining(cut.id);
    if (outcome.ok) navigate("/train");
    else
      notifications.show({
        color: "red",
        title: "The run could not be resumed",
        message: `${outcome.failure.message} ${outcome.failure.remedy}`,
      });
  };
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
        <Button leftSection={<IconPlayerPlay size={18} />} onClick={() => void resume()}>
          Resume
        </Button>
        <Button component={Link} href={`/runs/${cut.id}`} variant="default">
          Look at it
        </Button>
      </Group>
    </section>
  );
}
