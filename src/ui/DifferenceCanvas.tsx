import { Group, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import classes from "./DifferenceCanvas.module.css";
import { differenceToRgba } from "./difference";

export interface DifferenceCanvasProps {
  readonly width: number;
  readonly height: number;
  readonly before: Float32Array;
  readonly after: Float32Array;
  /** The change that gets the full colour. */
  readonly range: number;
  readonly label: string;
  readonly pixelated?: boolean;
}

/** Signed difference of two images of equal size, in diverging colours. */
export function DifferenceCanvas({
  width,
  height,
  before,
  after,
  range,
  label,
  pixelated = false,
}: DifferenceCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = ref.current?.getContext("2d");
    if (!context || before.length !== width * height || after.length !== before.length) return;
    const image = context.createImageData(width, height);
    differenceToRgba(before, after, range, image.data);
    context.putImageData(image, 0, 0);
  }, [before, after, range, width, height]);
  return (
    <canvas
      ref={ref}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      data-pixelated={pixelated || undefined}
      className={classes["canvas"]}
    />
  );
}

/** The colour scale of a `DifferenceCanvas`; `darker` and `brighter` say what its ends mean. */
export function DifferenceLegend({
  range,
  darker = "made darker",
  brighter = "made brighter",
}: {
  readonly range: number;
  readonly darker?: string;
  readonly brighter?: string;
}) {
  return (
    <div>
      <div className={classes["scale"]} />
      <Group justify="space-between">
        <Text size="xs">
          −{range.toFixed(2)} {darker}
        </Text>
        <Text size="xs">0</Text>
        <Text size="xs">
          {brighter} +{range.toFixed(2)}
        </Text>
      </Group>
    </div>
  );
}
