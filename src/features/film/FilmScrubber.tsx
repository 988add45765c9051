import type { KeyboardEvent } from "react";
import classes from "./FilmScrubber.module.css";

/** A quantity over the frames of one film: the notch of the slider each value belongs to, ascending. */
export interface FilmTrace {
  readonly id: string;
  readonly label: string;
  readonly colour: string;
  readonly points: readonly { readonly notch: number; readonly value: number }[];
}

export interface FilmScrubberProps {
  readonly notches: number;
  readonly index: number;
  readonly onIndex: (index: number) => void;
  readonly onToggle: () => void;
  /** The position in words. */
  readonly valueText: string;
  readonly traces: readonly FilmTrace[];
  /** Drawn across, e.g. the PSNR of the noisy image. */
  readonly level: { readonly label: string; readonly value: number } | null;
  readonly log: boolean;
  /** A few notches and what is written below them. */
  readonly ticks: readonly { readonly notch: number; readonly text: string }[];
}

/** The lowest and the highest value drawn; infinities (the PSNR of equal images) are not. */
export function rangeOf(
  traces: readonly FilmTrace[],
  level: FilmScrubberProps["level"],
): { readonly low: number; readonly high: number } {
  const values = traces.flatMap(({ points }) => points.map(({ value }) => value));
  if (level) values.push(level.value);
  const finite = values.filter(Number.isFinite);
  return { low: Math.min(...finite), high: Math.max(...finite) };
}

/** Height of the drawing in its own units; its width is one a notch. */
const HEIGHT = 100;

/**
 * The slider of a film with a curve behind it: one notch a frame, so that the thumb is the curve's cursor. Steps are not
 * evenly spaced on it; the ticks tell them. Arrow keys, Page, Home and End move it, Space plays.
 */
export function FilmScrubber({
  notches,
  index,
  onIndex,
  onToggle,
  valueText,
  traces,
  level,
  log,
  ticks,
}: FilmScrubberProps) {
  const { low, high } = rangeOf(traces, level);
  const scale = (value: number): number => (log ? Math.log(value) : value);
  const height = (value: number): number =>
    high > low ? (1 - (scale(value) - scale(low)) / (scale(high) - scale(low))) * HEIGHT : HEIGHT / 2;
  const last = Math.max(1, notches - 1);
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    if (event.key !== " ") return;
    event.preventDefault();
    onToggle();
  };
  return (
    <div>
      <div className={classes["scrubber"]}>
        <svg
          className={classes["curve"]}
          viewBox={`0 0 ${last} ${HEIGHT}`}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          {level && Number.isFinite(level.value) && (
            <line
              className={classes["level"]}
              x1={0}
              x2={last}
              y1={height(level.value)}
              y2={height(level.value)}
            />
          )}
          {traces.map(({ id, colour, points }) => (
            <polyline
              key={id}
              className={classes["trace"]}
              stroke={`var(${colour})`}
              points={points
                .filter(({ value }) => Number.isFinite(value))
                .map(({ notch, value }) => `${notch},${height(value)}`)
                .join(" ")}
            />
          ))}
        </svg>
        <input
          className={classes["slider"]}
          type="range"
          min={0}
          max={notches - 1}
          step={1}
          value={index}
          onChange={(event) => onIndex(Number(event.currentTarget.value))}
          onKeyDown={onKeyDown}
          aria-label="Film position"
          aria-valuetext={valueText}
        />
      </div>
      <div className={classes["ticks"]} aria-hidden="true">
        {ticks.map(({ notch, text }) => (
          <span key={notch} className={classes["tick"]} style={{ left: `${(100 * notch) / last}%` }}>
            {text}
          </span>
        ))}
      </div>
    </div>
  );
}
