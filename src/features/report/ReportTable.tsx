import { Button, Card, CopyButton, Group, Text, Title } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { Fragment } from "react";
import {
  type StudyCell,
  type StudyTable,
  studyCellLines,
  studyCellText,
  studyColumnGroups,
} from "@/contracts/studyReport";
import type { StudyView } from "@/contracts/workers";
import classes from "./ReportTable.module.css";

export interface ReportTableProps {
  readonly table: StudyTable;
  /** The same table as text to copy. */
  readonly text: StudyView["texts"][number] | undefined;
}

/** Names of rows up to this length stay on one line. */
const SHORT = 24;
/** Longer words get a column that is wide enough to be read. */
const LONG = 36;

/** Numbers, or nothing but reasons for their absence. */
function isNumeric(cells: readonly (StudyCell | undefined)[]): boolean {
  return cells.some((cell) => typeof cell?.value === "number") || cells.every((cell) => cell?.value === null);
}

/** A table of the report: ours and the study's columns told apart, footnotes below, and ways to take it along. */
export function ReportTable({ table, text }: ReportTableProps) {
  const { id, title, caption, columns, rows, footnotes } = table;
  const groups = studyColumnGroups(columns);
  // Where every column has a title of its own source, a line above would only repeat it.
  const grouped = groups.some(({ source, span }) => source !== "condition" && span > 1);
  const numeric = columns.map((_, at) => isNumeric(rows.map((row) => row[at])));
  const long = columns.map((_, at) =>
    rows.some((row) => (row[at] ? studyCellText(row[at]).length : 0) > LONG),
  );
  const classOf = (at: number, cell?: StudyCell): string =>
    [
      numeric[at] ? classes["number"] : classes["words"],
      long[at] ? classes["long"] : "",
      columns[at]?.source === "paper" ? classes["paper"] : "",
      cell?.value === null ? classes["absent"] : "",
    ].join(" ");
  return (
    <Card component="section" id={id} aria-labelledby={`${id}-title`}>
      <Group justify="space-between" align="flex-start" gap="xs" mb={4}>
        <Title order={3} id={`${id}-title`}>
          {title}
        </Title>
        {text && (
          <Group gap={4}>
            <CopyText label="Markdown" value={text.markdown} table={title} />
            <CopyText label="LaTeX" value={text.latex} table={title} />
            <CopyText label="CSV" value={text.csv} table={title} />
          </Group>
        )}
      </Group>
      <Text size="sm" c="dimmed" maw={820} mb="sm">
        {caption}
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard */}
      <section className={classes["scroll"]} tabIndex={0} aria-label={`${title}, table`}>
        <table className={classes["table"]}>
          <thead>
            {grouped && (
              <tr>
                {groups.map(({ source, span, first }) =>
                  source === "condition" ? (
                    <td key={first} colSpan={span} className={classes["group"]} />
                  ) : (
                    <th
                      key={first}
                      scope="colgroup"
                      colSpan={span}
                      className={`${classes["group"]} ${source === "paper" ? classes["paper"] : ""}`}
                    >
                      {source === "paper" ? "The study" : "Ours"}
                    </th>
                  ),
                )}
              </tr>
            )}
            <tr>
              {columns.map(({ id: column, title: name, unit }, at) => (
                <th key={column} scope="col" className={classOf(at)}>
                  {unit === null ? name : `${name} (${unit})`}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, place) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place in a table that is made anew
              <tr key={place}>
                {row.map((cell, at) =>
                  at === 0 ? (
                    <th
                      key={columns[at]?.id}
                      scope="row"
                      className={studyCellText(cell).length <= SHORT ? classes["short"] : undefined}
                    >
                      <CellText cell={cell} />
                    </th>
                  ) : (
                    <td key={columns[at]?.id} className={classOf(at, cell)}>
                      <CellText cell={cell} />
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {footnotes.length > 0 && (
        <ol className={classes["notes"]}>
          {footnotes.map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function CellText({ cell }: { readonly cell: StudyCell }) {
  const lines = studyCellLines(cell);
  return (
    <>
      {typeof cell.value === "number"
        ? lines.map((line, at) => (
            <Fragment key={line}>
              {at > 0 && " "}
              <span>{line}</span>
            </Fragment>
          ))
        : lines}
      {cell.marks && cell.marks.length > 0 && <sup>{cell.marks.join(", ")}</sup>}
    </>
  );
}

function CopyText({
  label,
  value,
  table,
}: {
  readonly label: string;
  readonly value: string;
  readonly table: string;
}) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
          aria-label={`Copy ${table} as ${label}`}
          onClick={copy}
        >
          {copied ? "Copied" : label}
        </Button>
      )}
    </CopyButton>
  );
}
