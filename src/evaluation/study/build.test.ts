import { describe, expect, it } from "vitest";
import { NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import { type StudyReport, type StudyRun, type StudyTable, studyCellText } from "@/contracts/studyReport";
import type { RunResult } from "@/contracts/training";
import { buildStudyReport } from "./build";
import { reportMarkdown } from "./markdown";
import { studyPicture, studyRun } from "./studyRuns.fixture";

const OPTIONS = { madeAt: Date.UTC(2026, 0, 2, 3, 4) };
/** t(0.975, 2) and t(0.975, 1). */
const T2 = 4.302652729696142;
const T1 = 12.706204736432095;

function tableOf(report: StudyReport, id: string): StudyTable {
  const table = [...report.tables, report.conditions, report.differences].find((one) => one.id === id);
  if (!table) throw new Error(`There is no ${id}.`);
  return table;
}

/** The text of a column's cells, by its id. */
function column(table: StudyTable, id: string): string[] {
  const at = table.columns.findIndex((one) => one.id === id);
  if (at < 0) throw new Error(`${table.id} has no column ${id}.`);
  return table.rows.map((row) => studyCellText(row[at] ?? { value: null }));
}

const build = (...runs: Parameters<typeof buildStudyReport>[0]) => buildStudyReport(runs, [], OPTIONS);

/** BM3D beside a network that is `mean` dB better. */
const bm3d = (mean: number): NonNullable<RunResult["methods"]> => [
  {
    name: "bm3d",
    title: "BM3D",
    psnrDb: { mean: 29, ci95: 0.5 },
    ssim: { mean: 0.8, ci95: 0.01 },
    seconds: 1.25,
    versusNetwork: {
      differenceDb: { mean, low: mean - 0.5, high: mean + 0.5 },
      wilcoxonP: 0.00001,
      tP: 0.001,
      holmP: 0.00002,
      cohensD: 1,
      rankBiserial: 1,
    },
  },
];

describe("buildStudyReport", () => {
  it("has quality by noise with intervals, the study's beside it, and its rows that were not run", () => {
    const report = build(
      studyRun({ id: "a" }),
      studyRun({ id: "b", noise: { std: 0.2 }, psnrDb: [28, 28, 28] }),
    );
    const table = tableOf(report, "table-3");
    expect(column(table, "row")).toEqual([
      "U-Net, σ 0.1",
      "U-Net, σ 0.2",
      "U-Net++, σ 0.1",
      "U-Net++, σ 0.2",
    ]);
    // 30, 31, 33: mean 31.3333, sample deviation 1.527525.
    const ci95 = (T2 * 1.527525231651947) / Math.sqrt(3);
    expect(column(table, "ours.psnrDb")).toEqual([
      `31.333 ± ${ci95.toFixed(3)}`,
      "28.000 ± 0.000",
      "not run",
      "not run",
    ]);
    expect(column(table, "paper.psnrDb")).toEqual([
      "34.952 ± 0.040",
      "32.255 ± 0.040",
      "34.387 ± 0.050",
      "32.315 ± 0.050",
    ]);
    expect(column(table, "ours.lpips").slice(0, 2)).toEqual(["not measured", "not measured"]);
    expect(table.columns.map(({ id }) => id)).not.toContain("ours.msSsim");
  });

  it("says that there were no weights for LPIPS where that is why there is none", () => {
    const lpips = { ok: false, failure: NO_LPIPS_WEIGHTS } as const;
    const without = studyRun({
      id: "a",
      change: (result) => ({
        ...result,
        methods: bm3d(2),
        test: result.test && { ...result.test, lpips },
      }),
    });
    const report = build(without);
    for (const [id, rows] of [
      ["table-3", 1],
      ["table-4", 1],
      ["table-6", 2],
    ] as const) {
      const table = tableOf(report, id);
      expect(column(table, "ours.lpips").slice(0, rows)).toEqual(Array(rows).fill("no weights"));
      expect(table.footnotes.join(" ")).toContain(
        "LPIPS: no weights. Get a weight file with npm run get-lpips",
      );
    }
  });

  it("has the study's row once beside a run in mixed precision too", () => {
    const table = tableOf(build(studyRun({ id: "a", engine: { precision: "mixed" } })), "table-3");
    expect(column(table, "row")).toEqual(["U-Net, σ 0.1", "U-Net++, σ 0.1"]);
    expect(column(table, "paper.psnrDb")).toEqual(["34.952 ± 0.040", "34.387 ± 0.050"]);
    expect(table.footnotes.join(" ")).toContain("In mixed precision");
  });

  it("shows every metric that a test has", () => {
    const change = (result: Parameters<NonNullable<Parameters<typeof studyRun>[0]["change"]>>[0]) => ({
      ...result,
      test: result.test && {
        ...result.test,
        denoised: { ...result.test.denoised, msSsim: { mean: 0.987654, ci95: 0.001 } },
      },
    });
    const table = tableOf(build(studyRun({ id: "a", change })), "table-3");
    expect(column(table, "ours.msSsim")[0]).toBe("0.9877 ± 0.0010");
  });

  it("takes the mean over seeds where runs differ in nothing else, with the interval between seeds", () => {
    const report = build(
      studyRun({ id: "a", seed: 1, psnrDb: [30, 30, 30] }),
      studyRun({ id: "b", seed: 2, psnrDb: [32, 32, 32] }),
    );
    const table = tableOf(report, "table-3");
    // Means 30 and 32: deviation √2, so the half width is t · √2/√2.
    expect(column(table, "ours.psnrDb")[0]).toBe(`31.000 ± ${T1.toFixed(3)}`);
    expect(table.footnotes.join(" ")).toContain(
      "Mean over 2 runs with seeds 1 and 2 (PSNR 30.000 and 32.000 dB, standard deviation 1.414 dB)",
    );
    expect(report.leftOut.filter((sentence) => sentence.includes("does not count"))).toEqual([]);
  });

  it("lets the newest count where runs differ in more, and says so", () => {
    const older = studyRun({ id: "old", createdAt: 1, psnrDb: [20, 20, 20] });
    const newer = studyRun({ id: "new", createdAt: 2, epochSeconds: [10, 12, 14], psnrDb: [30, 30, 30] });
    const report = build(older, newer);
    expect(column(tableOf(report, "table-3"), "ours.psnrDb")[0]).toBe("30.000 ± 0.000");
    expect(report.leftOut).toContain(
      "Run old does not count: Run new is newer, fills the same place and differs in training.epochs.",
    );
  });

  it("sets each setup beside the study's own, and saves time only on devices of their own", () => {
    const report = build(
      studyRun({ id: "one", epochSeconds: [50, 50] }),
      studyRun({ id: "dp", engine: { setup: "dp:2" }, epochSeconds: [30, 30] }),
      studyRun({ id: "mixed", engine: { setup: "ddp:2", precision: "mixed" }, epochSeconds: [20, 20] }),
      studyRun({ id: "shared", engine: { setup: "ddp:2" }, epochSeconds: [10, 10], shared: true }),
    );
    const four = tableOf(report, "table-4");
    expect(column(four, "setup").slice(0, 4)).toEqual([
      "1 device",
      "2 replicas, DP",
      "2 replicas, DDP",
      "2 replicas, DDP + mixed precision",
    ]);
    expect(column(four, "ours.seconds").slice(0, 4)).toEqual([
      "100.0 ± 0.0",
      "60.0 ± 0.0",
      "20.0 ± 0.0",
      "40.0 ± 0.0",
    ]);
    expect(column(four, "paper.seconds").slice(0, 4)).toEqual([
      "7328.2",
      "4665.2",
      "not in the study",
      "2737.0",
    ]);
    const five = tableOf(report, "table-5");
    expect(column(five, "setup")).toEqual([
      "2 replicas, DP",
      "2 replicas, DDP (shared device)",
      "2 replicas, DDP + mixed precision",
    ]);
    expect(column(five, "ours.saved")).toEqual(["40.0 ± 0.0", "shared device: none claimed", "60.0 ± 0.0"]);
    expect(column(five, "ours.savedSamePrecision")).toEqual([
      "40.0 ± 0.0",
      "shared device: none claimed",
      "no run of one device",
    ]);
    // 1 − 4665.2/7328.2, and the paper's own 62.65 %.
    expect(column(five, "paper.saved")).toEqual(["36.34", "not in the study", "62.65"]);
    expect(JSON.stringify(five)).not.toContain("80");
  });

  it("gives seconds the interval of the epochs' times, and time saved that of both", () => {
    const report = build(
      studyRun({ id: "one", epochSeconds: [40, 60] }),
      studyRun({ id: "dp", engine: { setup: "dp:2" }, epochSeconds: [30, 30] }),
    );
    // Two epochs of mean 50 and deviation √200: 2 · t · √200/√2 = 20 t.
    const ci95 = 20 * T1;
    expect(column(tableOf(report, "table-4"), "ours.seconds")[0]).toBe(`100.0 ± ${ci95.toFixed(1)}`);
    expect(column(tableOf(report, "table-5"), "ours.saved")[0]).toBe(`40.0 ± ${(0.6 * ci95).toFixed(1)}`);
  });

  it("refuses to compare seconds of other work", () => {
    const one = studyRun({ id: "one", epochSeconds: [50, 50] });
    const dp = (change: NonNullable<Parameters<typeof studyRun>[0]["change"]>) =>
      column(
        tableOf(build(one, studyRun({ id: "dp", engine: { setup: "dp:2" }, change })), "table-5"),
        "ours.saved",
      )[0];
    expect(dp((result) => ({ ...result, engine: { ...result.engine, name: "webgpu" } }))).toBe(
      "another engine: tfjs-wasm",
    );
    expect(dp((result) => ({ ...result, environment: { ...result.environment, cores: 64 } }))).toBe(
      "another device",
    );
    const batch = { ...one.result.config.training, batchSize: 9 };
    expect(dp((result) => ({ ...result, config: { ...result.config, training: batch } }))).toBe(
      "other training.batchSize",
    );
    expect(dp((result) => ({ ...result, complete: false }))).toBe("one ended early");
  });

  it("compares networks on the same noisy images only, and has the study's difference beside", () => {
    const report = build(
      studyRun({ id: "u", psnrDb: [30, 31, 33, 29] }),
      studyRun({ id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32.5, 33.25, 29.75] }),
    );
    const table = tableOf(report, "table-networks");
    expect(column(table, "row")[0]).toBe("U-Net++ less U-Net");
    expect(column(table, "pairs")[0]).toBe("4");
    expect(column(table, "ours.difference")[0]).toMatch(/^\+0\.875 \[\+0\.\d{3}, \+1\.\d{3}\]$/);
    // All four positive: 2/2⁴; the same signs in SSIM, so Holm doubles both.
    expect(column(table, "ours.p")).toEqual(["0.1250", "0.1250"]);
    expect(column(table, "ours.holm")).toEqual(["0.2500", "0.2500"]);
    expect(column(table, "paper.difference")).toEqual(["−0.565", "−0.0045"]);
    const otherSeed = build(
      studyRun({ id: "u" }),
      studyRun({ id: "pp", model: { name: "unetpp" }, seed: 8 }),
    );
    expect(otherSeed.tables.map(({ id }) => id)).not.toContain("table-networks");
    expect(otherSeed.leftOut.join(" ")).toContain("Network against network needs");
  });

  it("has methods once for all networks on the same images, each network with its own difference", () => {
    const report = build(
      studyRun({ id: "u", change: (result) => ({ ...result, methods: bm3d(2) }) }),
      studyRun({
        id: "pp",
        model: { name: "unetpp" },
        change: (result) => ({ ...result, methods: bm3d(-1) }),
      }),
    );
    const table = tableOf(report, "table-6");
    expect(column(table, "method")).toEqual(["U-Net, width 1", "U-Net++, width 1", "BM3D"]);
    expect(column(table, "ours.unet.less")[2]).toBe("+2.000 [+1.500, +2.500]");
    expect(column(table, "ours.unetpp.less")[2]).toBe("−1.000 [−1.500, −0.500]");
    expect(column(table, "ours.unet.p")[2]).toBe("< 0.0001");
  });

  it("takes a setting that is absent for what it means", () => {
    const ddp = (id: string, engine: object, more: object = {}) =>
      studyRun({ id, engine: { setup: "ddp:2", ...engine }, ...more });
    const rowsOf = (run: StudyRun) =>
      tableOf(build(run), "differences").rows.map((row) => row.map(studyCellText));
    expect(rowsOf(ddp("a", { batchNorm: "local", payload: "f32" }))).toEqual(rowsOf(ddp("a", {})));
    expect(rowsOf(ddp("a", { batchNorm: "synchronised", payload: "f16" }))).toEqual(
      expect.arrayContaining([
        ["BatchNorm goes by statistics", "of each replica", "of all replicas"],
        ["Gradients exchanged as", "32-bit floats", "16-bit floats"],
      ]),
    );
    const seeds = build(ddp("a", {}), ddp("b", { payload: "f32", batchNorm: "local" }, { seed: 8 }));
    expect(seeds.leftOut.join(" ")).not.toContain("does not count");
    expect(rowsOf(studyRun({ id: "d", model: { name: "dncnn" } }))).toContainEqual([
      "Network",
      "U-Net",
      "DnCNN",
    ]);
  });

  it("states data, hardware and every setting that is not the study's", () => {
    const table = tableOf(
      build(studyRun({ id: "a" }), studyRun({ id: "b", noise: { std: 0.3, mean: 0 } })),
      "differences",
    );
    const rows = table.rows.map((row) => row.map(studyCellText));
    expect(rows).toContainEqual([
      "Images",
      "14,999 of NIH ChestX-ray14, 2,551 tested",
      "10 images of 6 patients, 3 tested",
    ]);
    expect(rows).toContainEqual([
      "Hardware",
      "NVIDIA RTX A4500, one or two",
      "CPU; the adapter llvmpipe (software adapter, no GPU) was not used, 2 CPU cores",
    ]);
    expect(rows).toContainEqual(["Mean of the noise", "0.1", "0.1 (1 run); 0 (1 run)"]);
    expect(rows).toContainEqual(["Width of the network", "64", "1"]);
    expect(rows.flat().join()).not.toMatch(/seed/i);
  });

  it("counts parameters and keeps what the study states apart", () => {
    const table = tableOf(
      build(studyRun({ id: "u" }), studyRun({ id: "pp", model: { name: "unetpp" } })),
      "table-1",
    );
    expect(column(table, "counted")).toEqual(["31,036,481", "36,621,185"]);
    expect(column(table, "paper.parameters")).toEqual(["8.6 M", "9.2 M"]);
  });

  it("tells sets of images apart by letters", () => {
    const other = studyRun({
      id: "b",
      change: (result) => ({ ...result, dataset: { ...result.dataset, fingerprint: "0", images: 99 } }),
    });
    const table = tableOf(build(studyRun({ id: "a" }), other), "table-3");
    expect(column(table, "images").slice(0, 2).toSorted()).toEqual(["A", "B"]);
  });

  it("makes Figures 5 to 7 of pictures with the same noise", () => {
    const u = studyRun({ id: "u" });
    const pp = studyRun({ id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32, 34] });
    const pictures = [studyPicture(u, 0), studyPicture(pp, 0), studyPicture(pp, 2)];
    const { figures } = buildStudyReport([u, pp], pictures, OPTIONS);
    const made = figures.filter((figure) => figure.kind === "pictures");
    expect(made.map(({ id, columns }) => [id, columns.map(({ label }) => label)])).toEqual([
      ["figure-5-1", ["Noisy", "U-Net", "U-Net++", "Clean"]],
      ["figure-5-2", ["Noisy", "U-Net++", "Clean"]],
    ]);
    expect(made[0]?.columns.map(({ psnrDb }) => psnrDb)).toEqual([20, 30, 31, null]);
  });

  it("has intervals in its charts, and none where none can be given", () => {
    const { figures } = build(studyRun({ id: "a", epochSeconds: [40, 60] }));
    const [time] = figures;
    if (time?.kind !== "bars") throw new Error("no bars");
    const [ours, paper] = time.panels;
    const { value, low, high } = ours?.groups[0]?.marks[0] ?? {};
    expect(value).toBe(100);
    expect(low).toBeCloseTo(100 - 20 * T1, 6);
    expect(high).toBeCloseTo(100 + 20 * T1, 6);
    expect(paper?.groups[0]?.marks[0]).toMatchObject({ value: 7328.2, low: null, high: null });
  });

  it("refuses runs without a test, and names them where others have one", () => {
    const untested = studyRun({ id: "x", change: (result) => ({ ...result, test: null }) });
    expect(() => build(untested)).toThrow("run/no-test");
    expect(build(untested, studyRun({ id: "a" })).leftOut[0]).toContain("Run x has no test results");
  });

  it("is JSON, and reads back as it is", () => {
    const report = build(studyRun({ id: "a", epochSeconds: [10] }));
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe("reportMarkdown", () => {
  it("states what differs from the study before the tables, and every cell of them", () => {
    const report = build(studyRun({ id: "a" }));
    const text = reportMarkdown(report, new Map([["figure-4", "figures/figure-4.svg"]]));
    expect(text.indexOf("## Differences from the study")).toBeLessThan(text.indexOf("**Table I.**"));
    expect(text).toContain("![Figure 4](figures/figure-4.svg)");
    expect(text).toContain("| Study: PSNR (dB) |");
    for (const table of report.tables)
      for (const row of table.rows) for (const cell of row) expect(text).toContain(studyCellText(cell));
  });
});
