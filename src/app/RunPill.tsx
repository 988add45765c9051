import { Link, useLocation } from "wouter";
import { useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { formatPercent } from "@/ui/format";
import classes from "./RunPill.module.css";

/** A run in progress, seen from every other screen. */
export function RunPill() {
  const [location] = useLocation();
  const phase = useTraining((state) => state.phase);
  // Whole percents: the header re-renders a hundred times a run, not at every message.
  const percent = useTraining(({ progress }) =>
    progress ? Math.floor((100 * progress.step) / Math.max(1, progress.totalSteps)) : 0,
  );
  if (!isLive(phase) || location === "/train" || location === "/") return null;
  const text = phase === "paused" ? "Paused" : "Training";
  return (
    <Link
      href="/train"
      className={classes["pill"] ?? ""}
      aria-label={`${text}, ${percent} percent. Open the live view`}
    >
      <span className={classes["dot"]} data-paused={phase === "paused" || undefined} />
      <span className={classes["word"]}>{text}</span> {formatPercent(percent / 100)}
    </Link>
  );
}
