import type { PlanNode } from "@/contracts/engineLab";
import { type Direction, directionOf, type Family, familyOf } from "./families";

/** A dispatch with what follows from its numbers. */
export interface NodeRow extends PlanNode {
  /** Place in the plan, from 0. Labels are not unique: a convolution of two sources has two `wgrad`. */
  readonly index: number;
  readonly family: Family;
  readonly direction: Direction;
  /** Part of the time of all dispatches, 0 to 1; null before they were measured. */
  readonly share: number | null;
  readonly gflops: number | null;
  /** Least traffic by time, 10⁹ bytes a second. */
  readonly gigabytesPerSecond: number | null;
}

/** 10⁶ of something a millisecond are 10⁹ a second. Null where no time is known: also where a coarse clock says 0. */
const perSecond = (amount: number, ms: number | null): number | null =>
  ms === null || ms <= 0 ? null : amount / ms / 1e6;

export function rowsOf(nodes: readonly PlanNode[]): NodeRow[] {
  const total = nodes.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  return nodes.map((node, index) => ({
    ...node,
    index,
    family: familyOf(node.kernel),
    direction: directionOf(node.label),
    share: node.ms === null || total === 0 ? null : node.ms / total,
    gflops: perSecond(node.flops, node.ms),
    gigabytesPerSecond: perSecond(node.bytes, node.ms),
  }));
}

export interface NodeFilter {
  readonly direction: Direction | "all";
  readonly family: Family | "all";
}

export function filterRows(rows: readonly NodeRow[], { direction, family }: NodeFilter): NodeRow[] {
  return rows.filter(
    (row) =>
      (direction === "all" || row.direction === direction) && (family === "all" || row.family === family),
  );
}

export const SORT_KEYS = [
  "index",
  "label",
  "kernel",
  "ms",
  "flops",
  "gflops",
  "bytes",
  "gigabytesPerSecond",
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface NodeSort {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** Sorted copy. What is unknown comes last either way; equal ones keep the order of the plan. */
export function sortRows(rows: readonly NodeRow[], { key, descending }: NodeSort): NodeRow[] {
  const sign = descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [a[key], b[key]];
    if (x === null || y === null) return x === y ? a.index - b.index : x === null ? 1 : -1;
    const order = typeof x === "string" ? x.localeCompare(String(y), "en", { numeric: true }) : x - Number(y);
    return sign * order || a.index - b.index;
  });
}

/** A click on a column: numbers begin with the largest, the plan's order and names with the first; again turns it around. */
export function nextSort(sort: NodeSort, key: SortKey): NodeSort {
  if (sort.key === key) return { key, descending: !sort.descending };
  return { key, descending: key !== "index" && key !== "label" && key !== "kernel" };
}

export interface FamilyTotal {
  readonly family: Family;
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
  readonly ms: number | null;
  readonly share: number | null;
  readonly gflops: number | null;
  readonly gigabytesPerSecond: number | null;
}

/** Sums by family: the slowest first, or, before times are known, the one with most arithmetic. */
export function totalsOf(rows: readonly NodeRow[]): FamilyTotal[] {
  const measured = rows.every(({ ms }) => ms !== null);
  return [...new Set(rows.map(({ family }) => family))]
    .map((family) => {
      const members = rows.filter((row) => row.family === family);
      const sum = (value: (row: NodeRow) => number): number =>
        members.reduce((total, row) => total + value(row), 0);
      const [flops, bytes] = [sum((row) => row.flops), sum((row) => row.bytes)];
      const ms = measured ? sum((row) => row.ms ?? 0) : null;
      return {
        family,
        dispatches: members.length,
        flops,
        bytes,
        ms,
        share: measured ? sum((row) => row.share ?? 0) : null,
        gflops: perSecond(flops, ms),
        gigabytesPerSecond: perSecond(bytes, ms),
      };
    })
    .toSorted((a, b) => (b.ms ?? 0) - (a.ms ?? 0) || b.flops - a.flops || b.bytes - a.bytes);
}

/** 2¹⁶ ns: what Chromium rounds device times to unless developer features are on. */
const COARSE_GRAIN_MS = 65_536 / 1e6;
/** Times come as binary fractions of a millisecond. */
const GRAIN_TOLERANCE = 1e-6;

/** True where all times are multiples of Chromium's coarse clock: short dispatches then read as 0 or one grain. */
export function isCoarse(rows: readonly Pick<NodeRow, "ms">[]): boolean {
  const times = rows.flatMap(({ ms }) => (ms === null ? [] : [ms / COARSE_GRAIN_MS]));
  return times.length > 0 && times.every((grains) => Math.abs(grains - Math.round(grains)) < GRAIN_TOLERANCE);
}
