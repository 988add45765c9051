import type { ReactNode } from "react";
import classes from "./Stat.module.css";

export interface StatProps {
  readonly label: string;
  readonly value: ReactNode;
  /** A second, quieter line. */
  readonly note?: ReactNode;
}

/** A figure with its name. Put several into a `<StatRow>`. */
export function Stat({ label, value, note }: StatProps) {
  return (
    <div className={classes["stat"]}>
      <dt className={classes["label"]}>{label}</dt>
      <dd className={classes["value"]}>
        {value}
        {note !== undefined && <span className={classes["note"]}>{note}</span>}
      </dd>
    </div>
  );
}

/** Figures side by side; as many a row as fit. */
export function StatRow({ children }: { readonly children: ReactNode }) {
  return <dl className={classes["row"]}>{children}</dl>;
}
