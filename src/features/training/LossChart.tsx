import { useThrottledValue } from "@mantine/hooks";
import { useMemo } from "react";
import type { Recovery } from "@/contracts/recovery";
import type { EpochRecord } from "@/contracts/training";
import type { LossCurve } from "@/state/curve";
import { liveCurve, useTraining } from "@/state/training";
import type { Trace } from "@/ui/chartOptions";
import { formatShort } from "@/ui/format";
import { LineChart } from "@/ui/LineChart";

/** Four redraws a second look alive and leave the main thread alone. */
const REDRAW_MS = 250;

/**
 * A run's losses as traces: the band of single steps, their running mean, validation once an epoch, and a mark where a device
 * or a replica was lost.
 */
export function lossTraces(
  curve: LossCurve,
  epochs: readonly EpochRecord[],
  recoveries: readonly Recovery[],
): Trace[] {
  const { steps, low, high, smooth } = curve.thinned();
  // On the curve: at the bucket of steps that the loss happened in.
  const lost = [
    ...new Set(
      recoveries.map(({ step }) =>
        Math.max(
          0,
          steps.findLastIndex((at) => at <= step),
        ),
      ),
    ),
  ]
    .filter((bucket) => bucket < steps.length)
    .sort((a, b) => a - b);
  const marks: Trace = {
    label: "device or replica lost",
    colour: "--lab-series-4",
    x: lost.map((bucket) => steps[bucket] as number),
    y: lost.map((bucket) => smooth[bucket] ?? null),
    style: "marks",
  };
  return [
    { label: "highest step", colour: "--lab-series-1", x: steps, y: high, style: "faint" },
    { label: "lowest step", colour: "--lab-series-1", x: steps, y: low, style: "faint" },
    { label: "training", colour: "--lab-series-1", x: steps, y: smooth, style: "line" },
    {
      label: "validation",
      colour: "--lab-series-2",
      x: epochs.map((epoch) => epoch.step),
      y: epochs.map((epoch) => epoch.validationLoss),
      style: "points",
    },
    ...(lost.length > 0 ? [marks] : []),
  ];
}

export interface LossChartProps {
  readonly traces: readonly Trace[];
  readonly log?: boolean;
  readonly height?: number;
}

/** The chart for `lossTraces`. */
export function LossChart({ traces, log = false, height = 240 }: LossChartProps) {
  return (
    <LineChart
      label="Loss at each training step"
      traces={traces}
      xLabel="step"
      format={formatShort}
      log={log}
      height={height}
      band={{ high: 0, low: 1 }}
    />
  );
}

/** The loss of the run in progress. */
export function LiveLossChart({ log = false, height = 240 }: Omit<LossChartProps, "traces">) {
  const version = useTraining((state) => state.curveVersion);
  const epochs = useTraining((state) => state.epochs);
  const recoveries = useTraining((state) => state.recoveries);
  const shownVersion = useThrottledValue(version, REDRAW_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the curve lives outside React; its version says when it changed
  const traces = useMemo(() => lossTraces(liveCurve, epochs, recoveries), [shownVersion, epochs, recoveries]);
  return <LossChart traces={traces} log={log} height={height} />;
}
