import { formatFixed } from "@/ui/format";
import classes from "./ShareBar.module.css";

export interface ShareBarProps {
  /** The time in words. */
  readonly text: string;
  readonly ms: number | null;
  /** The time that fills the bar. */
  readonly longestMs: number;
  /** Of the whole, 0 to 1. */
  readonly share: number | null;
  readonly colour: string;
}

/** A time in a cell of a table: as a number, as a share of the whole, and as a bar beside the longest. */
export function ShareBar({ text, ms, longestMs, share, colour }: ShareBarProps) {
  return (
    <span className={classes["cell"]}>
      <span data-alone={share === null || undefined}>{text}</span>
      {share !== null && <span className={classes["share"]}>{`${formatFixed(100 * share, 1)} %`}</span>}
      <span
        className={classes["bar"]}
        style={{
          width: `${ms === null || longestMs === 0 ? 0 : (100 * ms) / longestMs}%`,
          background: colour,
        }}
      />
    </span>
  );
}
