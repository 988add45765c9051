import { notifications } from "@mantine/notifications";
import { useLocation } from "wouter";
import { resumeTraining } from "@/state/training";

/** Continues a stored run and opens its live view; says why where that is not possible. */
export function useResume(): (runId: string) => Promise<void> {
  const [, navigate] = useLocation();
  return async (runId) => {
    const outcome = await resumeTraining(runId);
    if (outcome.ok) navigate("/train");
    else
      notifications.show({
        color: "red",
        title: "The run could not be resumed",
        message: `${outcome.failure.message} ${outcome.failure.remedy}`,
      });
  };
}
