import { Badge } from "@mantine/core";
import type { RunStatus } from "@/contracts/run";
import classes from "./StatusBadge.module.css";

/** How a run stands. The word says it; the dot's colour only repeats it. */
export function StatusBadge({ status }: { readonly status: RunStatus }) {
  return (
    <Badge
      variant="default"
      leftSection={<span className={classes["dot"]} data-status={status} aria-hidden="true" />}
    >
      {status}
    </Badge>
  );
}
