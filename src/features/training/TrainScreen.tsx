import { SegmentedControl } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { useSearch } from "wouter";
import type { RunConfig } from "@/contracts/runConfig";
import { startTraining, useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { PageHeader } from "@/ui/PageHeader";
import { hasConfig } from "./draft";
import { LiveView } from "./LiveView";
import { NoGpuNotice } from "./NoGpuNotice";
import { ResumeBanner } from "./ResumeBanner";
import { SetupForm } from "./SetupForm";

/** Set up a run, and watch it learn. */
export default function TrainScreen() {
  const asksForConfig = hasConfig(useSearch());
  const run = useTraining((state) => state.run);
  const phase = useTraining((state) => state.phase);
  // A link with a config wants the form, even while a run is on; otherwise a run is what one comes for.
  const [view, setView] = useState<"setup" | "live">(asksForConfig || run === null ? "setup" : "live");
  // A run that has just begun or been resumed is what one wants to see.
  const runId = run?.id ?? null;
  const [known, setKnown] = useState(runId);
  if (runId !== known) {
    setKnown(runId);
    setView(runId === null ? "setup" : "live");
  }
  const shown = run === null ? "setup" : view;
  const start = (name: string, config: RunConfig): void => {
    setView("live");
    void startTraining({ name, config }).then((outcome) => {
      // Every other failure is in the live view.
      if (!outcome.ok && outcome.failure.code === "run/busy")
        notifications.show({
          color: "red",
          title: "Not started",
          message: `${outcome.failure.message} ${outcome.failure.remedy}`,
        });
    });
  };
  return (
    <>
      <PageHeader
        title={shown === "live" && run ? run.name : "Train"}
        lead={
          shown === "live"
            ? isLive(phase)
              ? "The run goes on while you visit other screens."
              : "The last run of this tab."
            : "Choose images, noise and a network. Everything about a run is in its config, and the config is in the address."
        }
      >
        {run && (
          <SegmentedControl
            aria-label="View"
            value={shown}
            onChange={(next) => setView(next === "live" ? "live" : "setup")}
            data={[
              { value: "live", label: isLive(phase) ? "Live" : "Last run" },
              { value: "setup", label: isLive(phase) ? "Set up the next" : "New run" },
            ]}
          />
        )}
      </PageHeader>
      <NoGpuNotice />
      <ResumeBanner />
      {shown === "live" ? <LiveView /> : <SetupForm onStart={start} />}
    </>
  );
}
