import { Group, Text } from "@mantine/core";
import { memo } from "react";
import classes from "./Histogram.module.css";
import { histogramPath, histogramTop } from "./histogramPath";

const HEIGHT = 100;

export interface HistogramProps {
  /** Counts over [0, 1], black at the left. */
  readonly clean: Uint32Array;
  readonly noisy: Uint32Array;
}

/** Grey values of the clean and the noisy image over each other, on one scale. Renders when they change. */
export const Histogram = memo(function Histogram({ clean, noisy }: HistogramProps) {
  const top = histogramTop(clean, noisy);
  const bins = clean.length;
  return (
    <figure className={classes["figure"]}>
      <svg
        className={classes["plot"]}
        viewBox={`0 0 ${bins} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Histogram of grey values: the clean image and the noisy image"
      >
        <path className={classes["clean"]} d={histogramPath(clean, top, HEIGHT)} />
        <path className={classes["noisy"]} d={histogramPath(noisy, top, HEIGHT)} />
      </svg>
      <div className={classes["ramp"]} />
      <Group justify="space-between" gap="xs">
        <Text size="xs" c="dimmed">
          0 black
        </Text>
        <Group gap="md">
          <Text size="xs" className={classes["key"]} data-series="clean">
            clean
          </Text>
          <Text size="xs" className={classes["key"]} data-series="noisy">
            noisy
          </Text>
        </Group>
        <Text size="xs" c="dimmed">
          1 white
        </Text>
      </Group>
    </figure>
  );
});
