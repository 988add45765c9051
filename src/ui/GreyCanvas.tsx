import { useEffect, useRef } from "react";
import classes from "./GreyCanvas.module.css";
import { greyToRgba } from "./greyPixels";

export interface GreyCanvasProps {
  readonly width: number;
  readonly height: number;
  /** width × height grey values, row by row: bytes, or floats in [0, 1] (values outside are clamped). */
  readonly data: Uint8Array | Float32Array;
  /** What the picture shows, for people who do not see it. */
  readonly label: string;
  /** Show single pixels as squares when enlarged; otherwise the browser smooths. */
  readonly pixelated?: boolean;
  readonly className?: string | undefined;
}

/** A grey image at its own resolution; fills the width it is given and keeps its proportions. */
export function GreyCanvas({ width, height, data, label, pixelated = false, className }: GreyCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = ref.current?.getContext("2d");
    // While a new size is on its way, width × height and data can disagree for one render.
    if (!context || data.length !== width * height || data.length === 0) return;
    const image = context.createImageData(width, height);
    greyToRgba(data, image.data);
    context.putImageData(image, 0, 0);
  }, [data, width, height]);
  return (
    <canvas
      ref={ref}
      width={width}
      height={height}
      role="img"
      aria-label={label}
      data-pixelated={pixelated || undefined}
      className={className ? `${classes["canvas"]} ${className}` : classes["canvas"]}
    />
  );
}
