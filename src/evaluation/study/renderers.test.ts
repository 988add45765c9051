import { describe, expect, it } from "vitest";
import type { StudyChart, StudyTable } from "@/contracts/studyReport";
import { parseCsv } from "../csv";
import { axisOver } from "./axis";
import { base64 } from "./base64";
import { buildStudyReport } from "./build";
import { chartSvg, positionOn } from "./chartSvg";
import { tableCsv } from "./csv";
import { escapeLatex } from "./escapeLatex";
import { studyFiles } from "./files";
import { reportHtml } from "./html";
import { reportLatex, tableLatex } from "./latex";
import { columnTitle } from "./markdown";
import { composePicture } from "./pictureImage";
import { pictureSvg } from "./pictureSvg";
import { studyPicture, studyRun } from "./studyRuns.fixture";

const u = studyRun({ id: "u" });
const pp = studyRun({ id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32, 34] });
const pictures = [studyPicture(u, 0), studyPicture(pp, 0)];
const report = buildStudyReport([u, pp], pictures, { madeAt: Date.UTC(2026, 0, 2, 3, 4) });
const images = report.figures.flatMap((figure) =>
  figure.kind === "pictures" ? [composePicture(figure, pictures)] : [],
);
const allTables = [...report.tables, report.conditions, report.differences];

/** Addresses that a reader would be asked to fetch. Names of XML vocabularies are none. */
const outside = (text: string): string[] =>
  [
    ...text
      .replaceAll('xmlns="http://www.w3.org/2000/svg"', "")
      .matchAll(/(?:https?:|\/\/)[\w.-]+\.\w+[^\s"')]*/g),
  ].map(([address]) => address);

describe("tableCsv", () => {
  it("reads back: every number whole, intervals as their ends, reasons in words", () => {
    for (const table of allTables) {
      const [header, ...lines] = parseCsv(tableCsv(table));
      expect(lines).toHaveLength(table.rows.length);
      expect(new Set(header).size, `${table.id}: columns are told apart`).toBe(header?.length);
      for (const [place, row] of table.rows.entries())
        for (const [at, cell] of row.entries()) {
          const title = columnTitle(table.columns[at] as StudyTable["columns"][number]);
          const first = header?.indexOf(title) ?? -1;
          const line = lines[place] ?? [];
          expect(line[first]).toBe(String(cell.value ?? cell.note ?? ""));
          if (typeof cell.value === "number" && cell.ci95 !== undefined) {
            expect(header?.slice(first + 1, first + 3)).toEqual([`${title} low`, `${title} high`]);
            expect(Number(line[first + 1])).toBe(cell.value - cell.ci95);
            expect(Number(line[first + 2])).toBe(cell.value + cell.ci95);
          }
          if (cell.interval) expect(line.slice(first + 1, first + 3).map(Number)).toEqual(cell.interval);
        }
    }
  });
});

describe("escapeLatex", () => {
  it("lets every special character stand for itself", () => {
    expect(escapeLatex("50 % & $5 #1 a_b {x} ~ ^ \\")).toBe(
      "50 \\% \\& \\$5 \\#1 a\\_b \\{x\\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{}",
    );
    expect(escapeLatex("σ 0.1 ± 2, 3×3, −1 “so” [x]")).toBe(
      "$\\sigma$ 0.1 $\\pm$ 2, 3$\\times$3, $-$1 ``so'' {[}x]",
    );
  });

  it("leaves nothing that TeX would misread in a whole report", () => {
    const odd = { ...u, name: "50 % of_it & {more} #1 \\input{x} é 肺 🫁\n" };
    const text = reportLatex(buildStudyReport([odd], [], { madeAt: 0 }), new Map());
    expect(text).toContain("50 \\% of\\_it \\& \\{more\\} \\#1 \\textbackslash{}input\\{x\\} é ? ?");
    // T1 fonts have the letters up to U+017F.
    expect(text).toMatch(/^[\x20-\x7e\n\u00c0-\u017f]*$/);
    expect(text.match(/\\begin\{/g)?.length).toBe(text.match(/\\end\{/g)?.length);
  });
});

describe("tableLatex", () => {
  it("has as many cells in every row as columns, under booktabs' rules", () => {
    for (const table of allTables) {
      const text = tableLatex(table);
      const body = text
        .slice(text.indexOf("\\midrule") + 8, text.indexOf("\\bottomrule"))
        .trim()
        .split("\n");
      expect(body).toHaveLength(table.rows.length);
      for (const line of body) {
        expect(line.endsWith(" \\\\")).toBe(true);
        expect(line.replaceAll("\\&", "").split("&")).toHaveLength(table.columns.length);
      }
    }
  });
});

describe("reportHtml", () => {
  const text = reportHtml(report, images);

  it("holds everything and asks for nothing from anywhere", () => {
    expect(outside(text)).toEqual([]);
    expect(text).not.toMatch(/<(script|link|iframe|object|embed)\b|url\(|@import|srcset/i);
    for (const [, value] of text.matchAll(/\b(?:src|href)="([^"]*)"/g)) expect(value).toMatch(/^(data:|#)/);
    expect(text).toContain("default-src 'none'");
    for (const { id } of report.tables) expect(text).toContain(`<section id="${id}">`);
    expect(text).toContain(`data:image/png;base64,${base64(images[0]?.png ?? new Uint8Array())}`);
  });

  it("breaks lines beside numbers and their intervals, not in them", () => {
    expect(text).toContain("<span>34.952</span> <span>± 0.040</span>");
    expect(text).toMatch(/<span>\+1\.000<\/span> <span>\[\+1\.000, \+1\.000\]<\/span>/);
    expect(text).toContain('<span class="whole">34.952 ± 0.040 dB</span>');
    expect(text).toMatch(/<span class="whole">p = 0\.\d{4}<\/span>\)\./);
    // Words keep their own breaks.
    expect(text).toContain(">not run</td>");
  });

  it("shows names of runs as text", () => {
    const odd = { ...u, name: '<img src=x onerror="alert(1)">' };
    const made = reportHtml(buildStudyReport([odd], [], { madeAt: 0 }), []);
    expect(made).not.toContain("<img");
    expect(made).toContain("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;");
  });
});

describe("axisOver", () => {
  it("ends on round steps that hold every value", () => {
    expect(axisOver([3, 97], true)).toEqual({ from: 0, to: 100, ticks: [0, 20, 40, 60, 80, 100], digits: 0 });
    const { from, to, digits } = axisOver([30.2, 34.9], false);
    expect([from, to, digits]).toEqual([30, 35, 0]);
    const one = axisOver([5], false);
    expect(one.from).toBeLessThan(5);
    expect(one.to).toBeGreaterThan(5);
    expect(axisOver([], true).to).toBeGreaterThan(0);
  });
});

describe("chartSvg", () => {
  const chart: StudyChart = {
    kind: "bars",
    id: "c",
    title: "Chart",
    caption: "A & B",
    panels: [
      {
        title: "P",
        axis: "Time (s)",
        groups: [
          {
            label: "1 < 2",
            marks: [
              { series: "U-Net", source: "ours", value: 60, low: 50, high: 70 },
              { series: "U-Net++", source: "paper", value: 100, low: null, high: null },
            ],
          },
        ],
      },
    ],
  };
  const svg = chartSvg(chart);

  it("draws bars from 0 and intervals to their ends, on one scale", () => {
    const bars = [...svg.matchAll(/class="bar" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(
      ([, x, width]) => ({
        left: Number(x),
        width: Number(width),
      }),
    );
    expect(bars).toHaveLength(2);
    const [first, second] = bars as [{ left: number; width: number }, { left: number; width: number }];
    expect(first.left).toBe(second.left);
    expect(first.width / second.width).toBeCloseTo(0.6, 3);
    const intervals = [...svg.matchAll(/class="interval" d="M([\d.]+) [\d.]+H([\d.]+)/g)];
    // The study gives no interval: its bar has none.
    expect(intervals).toHaveLength(1);
    const [low, high] = (intervals[0] ?? []).slice(1).map(Number) as [number, number];
    const perSecond = first.width / 60;
    expect(low).toBeCloseTo(first.left + 50 * perSecond, 1);
    expect(high).toBeCloseTo(first.left + 70 * perSecond, 1);
  });

  it("ends an interval that leaves the axis at its edge", () => {
    const axis = { from: 0, to: 100, ticks: [], digits: 0 };
    expect(positionOn(axis, 10, 200, -50)).toBe(10);
    expect(positionOn(axis, 10, 200, 50)).toBe(110);
    expect(positionOn(axis, 10, 200, 500)).toBe(210);
  });

  it("says in words what it shows, with nothing to be misread and nothing from outside", () => {
    expect(svg).toMatch(/^<svg [^>]*role="img" aria-labelledby="c-title c-desc"/);
    expect(svg).toContain("A &amp; B P, 1 &lt; 2, U-Net: Time (s) 60.00 ± 10.00.");
    expect(svg).toContain("U-Net++ (the study): Time (s) 100.00.");
    expect(outside(svg)).toEqual([]);
  });

  it("is well-formed for every chart and picture of a report", () => {
    for (const { path, bytes } of studyFiles(report, images))
      if (path.endsWith(".svg")) {
        const text = new TextDecoder().decode(bytes);
        const names = [...text.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)];
        const open: string[] = [];
        for (const [, end, name, empty] of names)
          if (end) expect(open.pop()).toBe(name);
          else if (!empty) open.push(name as string);
        expect(open).toEqual([]);
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
      }
  });
});

describe("composePicture", () => {
  const figure = report.figures.find(({ kind }) => kind === "pictures");
  if (figure?.kind !== "pictures") throw new Error("The report has no picture.");
  const { levels, width, height, cell, gap } = composePicture(figure, pictures);
  const pixel = (column: number, row: number, x: number, y: number): number =>
    levels[(row * (cell + gap) + y) * width + column * (cell + gap) + x] as number;

  it("has a column each for noisy, every network and clean, of three cells", () => {
    expect(figure.columns.map(({ label }) => label)).toEqual(["Noisy", "U-Net", "U-Net++", "Clean"]);
    expect([width, height]).toEqual([4 * cell + 3 * gap, 3 * cell + 2 * gap]);
    // 16 pixels, each 12 times.
    expect(cell).toBe(192);
  });

  it("shows brightness as it is, and the error by its scale", () => {
    // The ramp's last pixel: 16/32 clean, 0.1 brighter noisy, 0.05 as the network gives it back.
    expect(pixel(3, 0, 191, 0)).toBe(Math.round(0.5 * 255));
    expect(pixel(0, 0, 191, 0)).toBe(Math.round(0.6 * 255));
    expect(pixel(1, 0, 191, 0)).toBe(Math.round(0.55 * 255));
    expect(figure.errorWhite).toBe(0.1);
    expect(pixel(0, 2, 100, 100)).toBe(255);
    expect(Math.abs(pixel(1, 2, 100, 100) - 127.5)).toBeLessThanOrEqual(1);
    // Between columns it is black.
    expect(levels[cell]).toBe(0);
  });

  it("frames the crop and enlarges just that", () => {
    // Left 0.2 and top 0.3 of 16: from pixel 3 and 5, four on a side.
    expect(pixel(3, 0, 3 * 12, 5 * 12)).toBe(255);
    expect(pixel(3, 0, 3 * 12 - 1, 5 * 12)).toBe(0);
    expect(pixel(3, 0, 7 * 12 - 1, 9 * 12 - 1)).toBe(255);
    // Its middle lies between the ramp's pixels 4 and 5: (5 + 6)/2 of 32.
    expect(Math.abs(pixel(3, 1, 96, 96) - (5.5 / 32) * 255)).toBeLessThanOrEqual(2);
  });

  it("refuses to draw what it has no picture of", () => {
    expect(() => composePicture(figure, pictures.slice(0, 1))).toThrow("data/missing");
  });

  it("names the enlargement and the scale beside the pixels", () => {
    const svg = pictureSvg(figure, images[0] as (typeof images)[number]);
    expect(svg).toContain("crop × 48");
    expect(svg).toContain("≥ 0.1");
    expect(svg).toContain("30.00 dB");
  });
});

describe("studyFiles", () => {
  it("has every table as CSV, every figure as SVG, pictures as PNG, and points only to files that there are", () => {
    const files = new Map([...studyFiles(report, images)].map(({ path, bytes }) => [path, bytes]));
    for (const { id } of allTables) expect(files.has(`tables/${id}.csv`)).toBe(true);
    for (const { id } of report.figures) expect(files.has(`figures/${id}.svg`)).toBe(true);
    const textOf = (path: string): string => new TextDecoder().decode(files.get(path));
    for (const [, path] of textOf("report.md").matchAll(/\]\(([^)]+)\)/g))
      expect([...files.keys()]).toContain(path);
    for (const [, path] of textOf("report.tex").matchAll(/\\includegraphics\[[^\]]*\]\{([^}]+)\}/g))
      expect([...files.keys()]).toContain(path);
    expect(JSON.parse(textOf("report.json"))).toEqual(report);
    expect([...(files.get("figures/figure-5-1.png") ?? [])].slice(1, 4)).toEqual([80, 78, 71]);
  });
});
