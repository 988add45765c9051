import type { StudyChart, StudyMark, StudyPanel } from "@/contracts/studyReport";
import { type Axis, axisOver } from "./axis";

/** What a chart is drawn by, whatever the format: its series, axes and words. */

/** Names of the series, in the order of their colours. */
export const seriesOf = ({ panels }: StudyChart): string[] => [
  ...new Set(
    panels.flatMap(({ groups }) => groups.flatMap(({ marks }) => marks.map(({ series }) => series))),
  ),
];

export const ticksText = (value: number, digits: number): string =>
  (digits === 0 ? Math.round(value).toLocaleString("en-US") : value.toFixed(digits)).replace("-", "−");

/** "40.0 ± 3.6". */
export function markText({ value, low, high }: StudyMark, digits: number): string {
  const text = ticksText(value, digits);
  return low === null || high === null ? text : `${text} ± ${ticksText((high - low) / 2, digits)}`;
}

/** The axis of a panel's values, and the decimals that its values are written with. */
export function panelAxis({ kind }: StudyChart, { groups }: StudyPanel): { axis: Axis; valueDigits: number } {
  const marks = groups.flatMap((group) => group.marks);
  // An interval may be far wider than the values (two epochs say little): the axis of bars then follows the values.
  const highest = Math.max(...marks.map(({ value }) => value));
  if (kind === "bars") {
    const values = marks.flatMap(({ value, high }) => [value, Math.min(high ?? 0, highest * 1.5)]);
    return { axis: axisOver(values, true, 5), valueDigits: highest < 100 ? 1 : 0 };
  }
  const values = marks.flatMap(({ value, low, high }) => [
    value,
    ...(low === null ? [] : [low]),
    ...(high === null ? [] : [high]),
  ]);
  const axis = axisOver(values, false, 4);
  return { axis, valueDigits: axis.digits + 1 };
}

/** What pale or hollow marks and the lines are. */
export function legendNotes({ kind, panels }: StudyChart): string[] {
  const marks = panels.flatMap(({ groups }) => groups.flatMap((group) => group.marks));
  return [
    ...(marks.some(({ source }) => source === "paper")
      ? [`${kind === "bars" ? "pale" : "hollow"}: the study`]
      : []),
    ...(marks.some(({ low, high }) => low !== null && high !== null) ? ["lines: 95 % intervals"] : []),
  ];
}

/** A panel with the rows that each of its groups takes. */
export interface PanelRows extends StudyPanel {
  readonly groups: readonly (StudyPanel["groups"][number] & { readonly rows: number })[];
}

/** The same groups of the same height in every panel, so that they share one column of labels. */
export function aligned(panels: readonly StudyPanel[]): PanelRows[] {
  const rows = new Map<string, number>();
  for (const { groups } of panels)
    for (const { label, marks } of groups) rows.set(label, Math.max(rows.get(label) ?? 0, marks.length));
  return panels.map((panel) => ({
    ...panel,
    groups: [...rows].map(([label, count]) => ({
      label,
      marks: panel.groups.find((group) => group.label === label)?.marks ?? [],
      rows: count,
    })),
  }));
}

/** Each panel's own groups. */
export const apart = (panels: readonly StudyPanel[]): PanelRows[] =>
  panels.map((panel) => ({
    ...panel,
    groups: panel.groups.map((group) => ({ ...group, rows: group.marks.length })),
  }));
