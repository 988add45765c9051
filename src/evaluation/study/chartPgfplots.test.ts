import { describe, expect, it } from "vitest";
import type { StudyChart, StudyMark } from "@/contracts/studyReport";
import { buildStudyReport } from "./build";
import { chartPgfplots } from "./chartPgfplots";
import { reportLatex } from "./latex";
import { studyRun } from "./studyRuns.fixture";

/** Lengths are written with 12 digits: their ends come back to that. */
const LENGTH_RTOL = 1e-11;

interface Read {
  readonly options: string;
  readonly value: number;
  readonly row: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** Every point of the source, with the options of its plot and the ends of its interval. */
function readPoints(source: string): Read[] {
  return [...source.matchAll(/\\addplot\[(.*)\] coordinates \{(.*)\};/g)].flatMap(
    ([, options = "", list = ""]) =>
      [...list.matchAll(/\(([^,]+),([^)]+)\)(?: \+= \(([^,]+),0\) -= \(([^,]+),0\))?/g)].map(
        ([, value, row, up, down]) => ({
          options,
          value: Number(value),
          row: Number(row),
          low: down === undefined ? null : Number(value) - Number(down),
          high: up === undefined ? null : Number(value) + Number(up),
        }),
      ),
  );
}

const ours = (value: number, half: number | null): StudyMark => ({
  series: "U-Net",
  source: "ours",
  value,
  low: half === null ? null : value - half,
  high: half === null ? null : value + half,
});

function barsOf(...groups: { label: string; marks: StudyMark[] }[]): StudyChart {
  return {
    kind: "bars",
    id: "c",
    title: "C",
    caption: "c",
    panels: [{ title: "P", axis: "Time (s)", groups }],
  };
}

describe("chartPgfplots", () => {
  const u = studyRun({ id: "u", epochSeconds: [40, 61.7] });
  const pp = studyRun({ id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32, 34.5], epochSeconds: [99] });
  const report = buildStudyReport([u, pp], [], { madeAt: 0 });
  const charts = report.figures.filter((figure) => figure.kind !== "pictures");

  it("has every number of the chart, whole, with its own interval", () => {
    expect(charts.map(({ kind }) => kind)).toEqual(["bars", "points"]);
    for (const chart of charts) {
      const points = readPoints(chartPgfplots(chart));
      const marks = chart.panels.flatMap(({ groups }) => groups.flatMap((group) => group.marks));
      expect(points).toHaveLength(marks.length);
      expect(points.map(({ value }) => value).toSorted()).toEqual(marks.map(({ value }) => value).toSorted());
      for (const { value, low, high } of marks) {
        const point = points.find((one) => one.value === value && (one.low === null) === (low === null));
        expect(point?.low === null).toBe(low === null);
        if (low === null || high === null) continue;
        expect(Math.abs((point?.low ?? Number.NaN) - low)).toBeLessThanOrEqual(Math.abs(value) * LENGTH_RTOL);
        expect(Math.abs((point?.high ?? Number.NaN) - high)).toBeLessThanOrEqual(
          Math.abs(value) * LENGTH_RTOL,
        );
      }
    }
  });

  it("keeps the study pale or hollow and gives marks without an interval no error bar", () => {
    const [time, quality] = charts.map((chart) => readPoints(chartPgfplots(chart)));
    const study = time?.find(({ value }) => value === 7328.2);
    expect(study?.options).toContain("fill=denoiselab1!18,draw=denoiselab1");
    expect(study?.options).not.toContain("error bars");
    // One epoch has no interval; two have.
    expect(time?.find(({ value }) => value === 99)?.options).not.toContain("error bars");
    expect(time?.find(({ value }) => value === 101.7)?.options).toContain("error bars");
    expect(quality?.find(({ value }) => value === 34.387)?.options).toMatch(/mark=square\*.*fill=white/);
    expect(quality?.find(({ value }) => value === 32.5)?.options).toMatch(/mark=square\*.*fill=denoiselab2/);
  });

  it("keeps the marks of a group together and in their order, groups from above to below", () => {
    const points = readPoints(
      chartPgfplots(
        barsOf({ label: "a", marks: [ours(3, 1), ours(2, null)] }, { label: "b", marks: [ours(1, 0.5)] }),
      ),
    );
    const rows = [3, 2, 1].map((value) => points.find((one) => one.value === value)?.row ?? Number.NaN);
    expect(rows[1]).toBeCloseTo((rows[0] ?? 0) + 1, 3);
    expect(rows[2]).toBeGreaterThan((rows[1] ?? 0) + 1);
  });

  it("leaves the group's rows free in a panel that lacks its marks", () => {
    const panel = (title: string, marks: StudyMark[]) => ({
      title,
      axis: title,
      groups: [
        ...(marks.length > 0 ? [{ label: "σ 0.1", marks }] : []),
        { label: "σ 0.2", marks: [ours(5, null)] },
      ],
    });
    const source = chartPgfplots({
      kind: "points",
      id: "c",
      title: "C",
      caption: "c",
      panels: [panel("PSNR (dB)", [ours(7, 1), ours(6, 1)]), panel("LPIPS", [])],
    });
    const rows = readPoints(source).flatMap(({ value, row }) => (value === 5 ? [row] : []));
    expect(rows).toHaveLength(2);
    expect(rows[0]).toBe(rows[1]);
    expect([...source.matchAll(/yticklabels=(.*)\]/g)].map(([, labels]) => labels)).toEqual([
      "{{\\strut{$\\sigma$ 0.1}},{\\strut{$\\sigma$ 0.2}}}",
      "{}",
    ]);
  });

  it("draws bars of 0 and intervals of no length, and ends the axis where the values do", () => {
    const source = chartPgfplots(barsOf({ label: "a", marks: [ours(0, null), ours(4, 0), ours(8, 500)] }));
    expect(source).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(source).toContain("(0,0.85)");
    expect(source).toContain("(4,1.85) += (0,0) -= (0,0)");
    // 1.5 times the longest bar; the number stands at the axis' end.
    expect(source).toMatch(/xmin=0,xmax=15,/);
    expect(source).toContain("at (axis cs:15,2.85) {8.0 $\\pm$ 500.0}");
    const zeros = chartPgfplots(barsOf({ label: "a", marks: [ours(0, null)] }));
    expect(zeros).toMatch(/xmin=0,xmax=1,/);
  });

  it("says nothing of intervals or the study where there are none, and draws nothing of nothing", () => {
    const source = chartPgfplots(barsOf({ label: "a", marks: [ours(1, null)] }));
    expect(source).not.toContain("intervals");
    expect(source).not.toContain("the study");
    expect(chartPgfplots(barsOf())).toBe("");
    expect(chartPgfplots({ ...barsOf(), panels: [] })).toBe("");
  });

  it("lets special characters of labels and units stand for themselves", () => {
    const source = chartPgfplots({
      ...barsOf(),
      panels: [
        {
          title: "50 % & more",
          axis: "Δ_x [dB]",
          groups: [{ label: "a_b, 3 {c} #1", marks: [{ ...ours(1, 0.5), series: "U_Net & 肺" }] }],
        },
      ],
    });
    expect(source).toContain("title={50 \\% \\& more}");
    expect(source).toContain("yticklabels={{\\strut{a\\_b, 3 \\{c\\} \\#1}}}");
    expect(source).toContain("U\\_Net \\& ?");
    expect(source).toMatch(/^[\x20-\x7e\n]*$/);
  });

  it("stands in the report's LaTeX with its caption, between matching ends", () => {
    const text = reportLatex(report, new Map());
    for (const chart of charts) {
      expect(text).toContain(chartPgfplots(chart));
      expect(text).toContain(`\\label{fig:${chart.id}}`);
    }
    expect(text.indexOf("\\usepackage{pgfplots}")).toBeLessThan(text.indexOf("\\begin{document}"));
    for (const environment of ["figure", "tikzpicture", "groupplot", "adjustbox"])
      expect(text.split(`\\begin{${environment}}`)).toHaveLength(text.split(`\\end{${environment}}`).length);
  });
});
