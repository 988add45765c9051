import { type KeyboardEvent, memo, type PointerEvent, useState } from "react";
import { formatMs, formatShort } from "@/ui/format";
import { FAMILIES } from "./families";
import type { NodeRow } from "./nodes";
import classes from "./Timeline.module.css";

/** How far Page Up and Page Down go. */
const PAGE = 10;

interface TimedRow extends NodeRow {
  readonly startMs: number;
  readonly ms: number;
}

const isTimed = (row: NodeRow): row is TimedRow => row.startMs !== null && row.ms !== null;

export interface TimelineProps {
  readonly rows: readonly NodeRow[];
  /** A dispatch was picked (click or Enter), by its place in the plan. */
  readonly onChoose: (index: number) => void;
}

/** The dispatches of a measured step side by side, as long as they took, coloured by operation. */
export const Timeline = memo(function Timeline({ rows, onChoose }: TimelineProps) {
  const timed = rows.filter(isTimed);
  const [current, setCurrent] = useState<number | null>(null);
  const endMs = Math.max(...timed.map(({ startMs, ms }) => startMs + ms));
  const row = current === null ? undefined : timed[current];
  if (timed.length === 0 || !(endMs > 0)) return null;

  const under = ({ currentTarget, clientX }: PointerEvent<HTMLElement>): number => {
    const { left, width } = currentTarget.getBoundingClientRect();
    return nearest(timed, ((clientX - left) / width) * endMs);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && row) onChoose(row.index);
    const next = moved(event.key, current, timed.length);
    if (next !== null) setCurrent(next);
    if (next !== null || event.key === "Enter") event.preventDefault();
  };
  return (
    <div className={classes["timeline"]}>
      <div
        className={classes["strip"]}
        role="slider"
        tabIndex={0}
        aria-label="Dispatches in the order of time"
        aria-valuemin={1}
        aria-valuemax={timed.length}
        aria-valuenow={(current ?? 0) + 1}
        aria-valuetext={row ? describe(row) : "Move with the arrow keys"}
        onKeyDown={onKeyDown}
        onPointerMove={(event) => setCurrent(under(event))}
        onPointerDown={(event) => setCurrent(under(event))}
        onClick={() => row && onChoose(row.index)}
      >
        <Strip timed={timed} endMs={endMs} />
        {row && (
          <span
            className={classes["cursor"]}
            style={{ left: `${(100 * row.startMs) / endMs}%`, width: `${(100 * row.ms) / endMs}%` }}
          />
        )}
      </div>
      <Directions timed={timed} endMs={endMs} />
      <p className={classes["words"]}>
        {row
          ? describe(row)
          : "Point at a dispatch, or focus the strip and use the arrow keys; a click or Enter finds it in the table below."}
      </p>
    </div>
  );
});

const Strip = memo(function Strip({
  timed,
  endMs,
}: {
  readonly timed: readonly TimedRow[];
  readonly endMs: number;
}) {
  return (
    <svg viewBox={`0 0 ${endMs} 1`} preserveAspectRatio="none" aria-hidden="true">
      {timed.map(({ index, startMs, ms, family }) => (
        <rect key={index} x={startMs} y={0} width={ms} height={1} fill={FAMILIES[family].colour} />
      ))}
    </svg>
  );
});

/** Where forward ends and backward begins. */
function Directions({ timed, endMs }: { readonly timed: readonly TimedRow[]; readonly endMs: number }) {
  const boundaryMs = timed.find(({ direction }) => direction === "backward")?.startMs ?? endMs;
  return (
    <div className={classes["directions"]}>
      <span style={{ width: `${(100 * boundaryMs) / endMs}%` }}>{`forward ${formatMs(boundaryMs)}`}</span>
      {boundaryMs < endMs && (
        <span style={{ width: `${100 - (100 * boundaryMs) / endMs}%` }}>
          {`backward ${formatMs(endMs - boundaryMs)}`}
        </span>
      )}
    </div>
  );
}

function describe({ index, label, kernel, variant, ms, gflops, bytes }: TimedRow): string {
  const way = variant === null ? "" : ` (${variant})`;
  const speed = gflops === null ? "" : `, ${formatShort(gflops)} GFLOP/s`;
  return `${index + 1}. ${label}: ${kernel}${way}, ${formatMs(ms)}${speed}, ${formatShort(bytes / 1e6)} MB`;
}

/** The dispatch at a time, or the nearest where there is a gap: those too short to see can be reached with the keys. */
function nearest(timed: readonly TimedRow[], atMs: number): number {
  let best = 0;
  let bestMs = Number.POSITIVE_INFINITY;
  for (const [place, { startMs, ms }] of timed.entries()) {
    const awayMs = Math.max(startMs - atMs, atMs - startMs - ms, 0);
    if (awayMs < bestMs) [best, bestMs] = [place, awayMs];
  }
  return best;
}

/** The place that a key leads to; null for other keys. */
function moved(key: string, from: number | null, count: number): number | null {
  const to = (place: number): number => Math.max(0, Math.min(count - 1, place));
  const here = from ?? -1;
  switch (key) {
    case "ArrowRight":
    case "ArrowUp":
      return to(here + 1);
    case "ArrowLeft":
    case "ArrowDown":
      return to(here - 1);
    case "PageUp":
      return to(here + PAGE);
    case "PageDown":
      return to(here - PAGE);
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return null;
  }
}
