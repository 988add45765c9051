import { Table, UnstyledButton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { memo, useEffect, useRef, useState } from "react";
import { formatMs, formatShort } from "@/ui/format";
import { FAMILIES } from "./families";
import classes from "./NodeTable.module.css";
import type { NodeRow, NodeSort, SortKey } from "./nodes";
import { rowWindow } from "./rowWindow";
import { ShareBar } from "./ShareBar";

interface Column {
  readonly key: SortKey;
  readonly head: string;
  readonly number: boolean;
  /** Left out on a phone: the operation stands under the stage there. */
  readonly wide?: true;
}

const COLUMNS: readonly Column[] = [
  { key: "index", head: "No.", number: true, wide: true },
  { key: "label", head: "Stage", number: false },
  { key: "kernel", head: "Operation and shape", number: false, wide: true },
  { key: "ms", head: "Time", number: true },
  { key: "flops", head: "MFLOP", number: true },
  { key: "gflops", head: "GFLOP/s", number: true },
  { key: "bytes", head: "MB", number: true },
  { key: "gigabytesPerSecond", head: "GB/s", number: true },
];

/** Heights in CSS pixels: rows out of view are blank space, so all must be of one height. */
const ROW_PX = 38;
const PHONE_ROW_PX = 52;
const VIEW_PX = 620;

export interface DispatchRowsProps {
  /** In the order to show. */
  readonly rows: readonly NodeRow[];
  /** The time that fills the bar of a row. */
  readonly longestMs: number;
  readonly sort: NodeSort;
  readonly onSort: (key: SortKey) => void;
  readonly chosen: { readonly index: number } | null;
}

/** The table of dispatches; only what is in view is drawn. */
export function DispatchRows({ rows, longestMs, sort, onSort, chosen }: DispatchRowsProps) {
  const phone = useMediaQuery("(max-width: 700px)", false, { getInitialValueInEffect: false });
  const columns = phone ? COLUMNS.filter(({ wide }) => !wide) : COLUMNS;
  const rowPx = phone ? PHONE_ROW_PX : ROW_PX;
  const [scrollPx, setScrollPx] = useState(0);
  const [first, end] = rowWindow(rows.length, { scrollPx, viewPx: VIEW_PX, rowPx });
  const region = useRef<HTMLDivElement>(null);
  const now = useRef({ rows, rowPx });
  now.current = { rows, rowPx };
  useEffect(() => {
    const element = region.current;
    if (!chosen || !element) return;
    const place = now.current.rows.findIndex(({ index }) => index === chosen.index);
    element.scrollTop = place * now.current.rowPx - element.clientHeight / 2;
    element.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  return (
    <Table.ScrollContainer
      ref={region}
      type="native"
      tabIndex={0}
      role="region"
      aria-label="Table of dispatches"
      minWidth={phone ? 690 : 1000}
      maxHeight={VIEW_PX}
      onScroll={({ currentTarget }) => {
        // Rows that stay in the same window are not drawn anew.
        const next = rowWindow(rows.length, { scrollPx: currentTarget.scrollTop, viewPx: VIEW_PX, rowPx });
        if (next[0] !== first || next[1] !== end) setScrollPx(currentTarget.scrollTop);
      }}
    >
      <table
        className={classes["table"]}
        data-fixed=""
        data-phone={phone || undefined}
        aria-rowcount={rows.length + 1}
      >
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <HeadCell key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Blank rows={first} rowPx={rowPx} columns={columns.length} />
          {rows.slice(first, end).map((row, place) => (
            <Row
              key={row.index}
              row={row}
              place={first + place + 2}
              rowPx={rowPx}
              phone={phone}
              longestMs={longestMs}
              chosen={row.index === chosen?.index}
            />
          ))}
          <Blank rows={rows.length - end} rowPx={rowPx} columns={columns.length} />
        </tbody>
      </table>
    </Table.ScrollContainer>
  );
}

function HeadCell({
  column: { key, head, number },
  sort,
  onSort,
}: {
  readonly column: Column;
  readonly sort: NodeSort;
  readonly onSort: (key: SortKey) => void;
}) {
  const here = sort.key === key;
  return (
    <th
      scope="col"
      data-column={key}
      data-number={number ? "" : undefined}
      aria-sort={!here ? "none" : sort.descending ? "descending" : "ascending"}
    >
      <UnstyledButton
        className={classes["sort"] ?? ""}
        data-here={here || undefined}
        onClick={() => onSort(key)}
      >
        {head}
        {here && (sort.descending ? <IconArrowDown size={14} /> : <IconArrowUp size={14} />)}
      </UnstyledButton>
    </th>
  );
}

/** The place of rows out of view. */
function Blank({
  rows,
  rowPx,
  columns,
}: {
  readonly rows: number;
  readonly rowPx: number;
  readonly columns: number;
}) {
  if (rows === 0) return null;
  return (
    <tr className={classes["blank"]} style={{ height: rows * rowPx }}>
      <td colSpan={columns} />
    </tr>
  );
}

interface RowProps {
  readonly row: NodeRow;
  /** Its place in the whole table, the head being 1. */
  readonly place: number;
  readonly rowPx: number;
  readonly phone: boolean;
  readonly longestMs: number;
  readonly chosen: boolean;
}

const Row = memo(function Row({ row, place, rowPx, phone, longestMs, chosen }: RowProps) {
  const { label: familyName, colour } = FAMILIES[row.family];
  const operation = (
    <>
      <span className={classes["swatch"]} style={{ background: colour }} title={familyName} />
      {row.kernel}
      {row.variant !== null && <span className={classes["variant"]}>{row.variant}</span>}
    </>
  );
  return (
    <tr style={{ height: rowPx }} aria-rowindex={place} data-chosen={chosen || undefined}>
      {!phone && (
        <td data-number="" className={classes["quiet"]}>
          {row.index + 1}
        </td>
      )}
      <th scope="row" title={row.label}>
        {row.label}
        {phone && <span className={classes["under"]}>{operation}</span>}
      </th>
      {!phone && <td title={row.kernel}>{operation}</td>}
      <td>
        <ShareBar
          text={formatMs(row.ms)}
          ms={row.ms}
          longestMs={longestMs}
          share={row.share}
          colour={colour}
        />
      </td>
      <td data-number="">{formatShort(row.flops / 1e6)}</td>
      <td data-number="">{formatShort(row.gflops)}</td>
      <td data-number="">{formatShort(row.bytes / 1e6)}</td>
      <td data-number="">{formatShort(row.gigabytesPerSecond)}</td>
    </tr>
  );
});
