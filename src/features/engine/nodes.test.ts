import { describe, expect, it } from "vitest";
import type { PlanNode } from "@/contracts/engineLab";
import { directionOf, familyOf } from "./families";
import { filterRows, isCoarse, nextSort, rowsOf, sortRows, totalsOf } from "./nodes";

const node = (label: string, kernel: string, ms: number | null, flops = 2e6, bytes = 1e6): PlanNode => ({
  label,
  kernel,
  variant: null,
  workgroups: [1, 1, 1],
  flops,
  bytes,
  startMs: ms === null ? null : 0,
  ms,
});

const NODES = [
  node("conv10.0 forward", "convForward 16→32 8×8×2", 2),
  node("conv2.0 forward", "convForward 8→16 16×16×2", 1),
  node("conv2.3 moments", "normMoments 16 16×16×2", 0),
  node("conv2.0 dgrad", "convDgrad 8/8←16 16×16×2", 5),
];
const order = (rows: readonly { readonly index: number }[]): number[] => rows.map(({ index }) => index);

describe("families and directions", () => {
  it.each([
    ["convForward 16+16→16 32×32×4", "convForward"],
    ["convDgrad 8/16←8 64×64×4 mask", "convDgrad"],
    ["convWgrad 1→8 64×64×4 bias", "convWgrad"],
    ["sumSplits 9×8/8×8 ×8", "wgradSum"],
    ["upconvDgrad 16←8 32×32×4", "upconv"],
    ["normBackwardFinish 8 64/64×64×4", "norm"],
    ["maxPoolBackward 8 64×64×4 add", "resample"],
    ["upsample 16 32×32×4", "resample"],
    ["headLoss 8 64×64×4 l1", "head"],
    ["lossFinish 64/16384", "head"],
    ["residualLoss 64×64×4 l1", "head"],
    ["reluBackward 8 64×64×4", "other"],
  ])("%s is %s", (kernel, family) => expect(familyOf(kernel)).toBe(family));

  it.each([
    ["conv1.0 forward", "forward"],
    ["conv1.3 moments", "forward"],
    ["final_conv forward, loss", "forward"],
    ["loss", "forward"],
    ["conv9.3 backward sums", "backward"],
    ["conv9.2 wgrad sum", "backward"],
    ["upconv9 dgrad", "backward"],
  ])("%s runs %s", (label, direction) => expect(directionOf(label)).toBe(direction));
});

describe("rowsOf", () => {
  it("gives rates and shares, and none where the clock says 0 or nothing was measured", () => {
    const [first, , third] = rowsOf(NODES);
    expect(first).toMatchObject({ share: 0.25, gflops: 1, gigabytesPerSecond: 0.5 });
    expect(third).toMatchObject({ share: 0, gflops: null, gigabytesPerSecond: null });
    expect(rowsOf([node("a", "b", null)])[0]).toMatchObject({ share: null, gflops: null });
  });
});

describe("sorting and filtering", () => {
  const rows = rowsOf(NODES);

  it("sorts numbers, and names with numbers in them as people do", () => {
    expect(order(sortRows(rows, { key: "ms", descending: true }))).toEqual([3, 0, 1, 2]);
    expect(order(sortRows(rows, { key: "label", descending: false }))).toEqual([3, 1, 2, 0]);
  });

  it("puts what is unknown last either way", () => {
    expect(order(sortRows(rows, { key: "gflops", descending: false }))).toEqual([3, 0, 1, 2]);
    expect(order(sortRows(rows, { key: "gflops", descending: true }))).toEqual([1, 0, 3, 2]);
  });

  it("keeps the plan's order among equals", () => {
    expect(order(sortRows(rows, { key: "flops", descending: true }))).toEqual([0, 1, 2, 3]);
  });

  it("begins numbers with the largest, names with the first, and turns around at the second click", () => {
    const byTime = nextSort({ key: "index", descending: false }, "ms");
    expect(byTime).toEqual({ key: "ms", descending: true });
    expect(nextSort(byTime, "ms")).toEqual({ key: "ms", descending: false });
    expect(nextSort(byTime, "label")).toEqual({ key: "label", descending: false });
  });

  it("leaves what both filters take", () => {
    expect(order(filterRows(rows, { direction: "forward", family: "all" }))).toEqual([0, 1, 2]);
    expect(order(filterRows(rows, { direction: "all", family: "convForward" }))).toEqual([0, 1]);
    expect(order(filterRows(rows, { direction: "backward", family: "convForward" }))).toEqual([]);
  });
});

describe("totalsOf", () => {
  it("adds by family, the slowest first; together they are the whole", () => {
    const totals = totalsOf(rowsOf(NODES));
    expect(totals.map(({ family }) => family)).toEqual(["convDgrad", "convForward", "norm"]);
    expect(totals[1]).toMatchObject({ dispatches: 2, flops: 4e6, ms: 3, gflops: 4 / 3 });
    expect(totals.reduce((sum, { share }) => sum + (share ?? 0), 0)).toBeCloseTo(1);
  });

  it("orders by arithmetic before anything is measured", () => {
    const nodes = [node("a", "normMoments 4", null, 1), node("b", "convForward 1→4", null, 9)];
    expect(totalsOf(rowsOf(nodes)).map(({ family, ms }) => [family, ms])).toEqual([
      ["convForward", null],
      ["norm", null],
    ]);
  });
});

describe("isCoarse", () => {
  it("tells Chromium's rounded clock from an exact one", () => {
    expect(isCoarse([{ ms: 0 }, { ms: 0.065536 }, { ms: 0.327_68 }])).toBe(true);
    expect(isCoarse([{ ms: 0.065536 }, { ms: 0.07 }])).toBe(false);
    expect(isCoarse([{ ms: null }])).toBe(false);
  });
});
