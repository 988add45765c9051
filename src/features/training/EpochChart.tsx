import { useMemo } from "react";
import type { EpochRecord } from "@/contracts/training";
import type { Trace } from "@/ui/chartOptions";
import { formatFixed } from "@/ui/format";
import { LineChart } from "@/ui/LineChart";

const QUANTITIES = {
  validationPsnrDb: { label: "PSNR (dB)", colour: "--lab-series-3", digits: 2 },
  validationSsim: { label: "SSIM", colour: "--lab-series-4", digits: 3 },
} as const;

/** One validation quantity over the epochs. */
export function EpochChart({
  epochs,
  quantity,
}: {
  readonly epochs: readonly EpochRecord[];
  readonly quantity: keyof typeof QUANTITIES;
}) {
  const { label, colour, digits } = QUANTITIES[quantity];
  const traces = useMemo(
    (): Trace[] => [
      {
        label,
        colour,
        x: epochs.map((epoch) => epoch.epoch),
        y: epochs.map((epoch) => epoch[quantity]),
        style: "points",
      },
    ],
    [epochs, quantity, label, colour],
  );
  return (
    <LineChart
      label={`Validation ${label} after each epoch`}
      traces={traces}
      xLabel="epoch"
      format={(value) => formatFixed(value, digits)}
      height={180}
    />
  );
}
