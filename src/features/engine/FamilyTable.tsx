import { Table, UnstyledButton } from "@mantine/core";
import { formatCount, formatMs, formatShort } from "@/ui/format";
import { FAMILIES } from "./families";
import classes from "./NodeTable.module.css";
import { type NodeFilter, type NodeRow, totalsOf } from "./nodes";
import { ShareBar } from "./ShareBar";

export interface FamilyTableProps {
  readonly rows: readonly NodeRow[];
  readonly family: NodeFilter["family"];
  /** A family was chosen to look at alone; `all` again when it was chosen already. */
  readonly onFamily: (family: NodeFilter["family"]) => void;
}

/** Sums by kind of operation; also the legend of the timeline. */
export function FamilyTable({ rows, family: chosen, onFamily }: FamilyTableProps) {
  const totals = totalsOf(rows);
  const longestMs = Math.max(...totals.map(({ ms }) => ms ?? 0));
  return (
    <Table.ScrollContainer
      type="native"
      tabIndex={0}
      role="region"
      aria-label="Sums by operation"
      minWidth={0}
    >
      <table className={classes["table"]}>
        <thead>
          <tr>
            <th scope="col">Operation</th>
            {["Time", "Dispatches", "MFLOP", "GFLOP/s", "MB", "GB/s"].map((head) => (
              <th key={head} scope="col" data-number="">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {totals.map(({ family, dispatches, flops, bytes, ms, share, gflops, gigabytesPerSecond }) => {
            const { label, what, colour } = FAMILIES[family];
            return (
              <tr key={family} data-chosen={family === chosen || undefined}>
                <th scope="row">
                  <UnstyledButton
                    className={classes["family"] ?? ""}
                    title={what}
                    aria-pressed={family === chosen}
                    aria-label={`Show only ${label} in the table of dispatches`}
                    onClick={() => onFamily(family === chosen ? "all" : family)}
                  >
                    <span className={classes["swatch"]} style={{ background: colour }} aria-hidden="true" />
                    {label}
                  </UnstyledButton>
                </th>
                <td className={classes["time"]}>
                  <ShareBar text={formatMs(ms)} ms={ms} longestMs={longestMs} share={share} colour={colour} />
                </td>
                <td data-number="">{formatCount(dispatches)}</td>
                <td data-number="">{formatShort(flops / 1e6)}</td>
                <td data-number="">{formatShort(gflops)}</td>
                <td data-number="">{formatShort(bytes / 1e6)}</td>
                <td data-number="">{formatShort(gigabytesPerSecond)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Table.ScrollContainer>
  );
}
