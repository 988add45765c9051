import { describe, expect, it } from "vitest";
import { type StudyCell, type StudyTable, studyCellText } from "@/contracts/studyReport";
import type { MeanInterval, RunResult } from "@/contracts/training";
import { PAPER_RESULTS } from "../../paperResults";
import { buildStudyReport } from "../build";
import { methodResult, type StudyRunParts, studyRun } from "../studyRuns.fixture";

function tables(...runs: StudyRunParts[]): { three: StudyTable; six: StudyTable } {
  const report = buildStudyReport(runs.map(studyRun), [], { madeAt: 0 });
  const named = (id: string): StudyTable => {
    const table = report.tables.find((one) => one.id === id);
    if (!table) throw new Error(`There is no ${id}.`);
    return table;
  };
  return { three: named("table-3"), six: named("table-6") };
}

const methods = [
  methodResult("noisy", "Noisy input", 20.5, { mean: 10.8, low: 10.1, high: 11.3 }),
  methodResult("bm3d", "BM3D", 33, { mean: -1.667, low: -2, high: -1.25 }, 0.0123),
];
const compared = (result: RunResult): RunResult => ({ ...result, methods });

const names = ({ rows }: StudyTable): string[] =>
  rows.map(([first]) => studyCellText(first ?? { value: null }));

function cell({ columns, rows }: StudyTable, row: number, id: string): StudyCell {
  const found = rows[row]?.[columns.findIndex((column) => column.id === id)];
  if (!found) throw new Error(`Row ${row} has no ${id}.`);
  return found;
}

describe("which networks stand beside the methods in Table VI", () => {
  it("those of one device, where there are any", () => {
    const { six } = tables(
      { id: "u", change: compared },
      { id: "u-dp", engine: { setup: "dp:2" } },
      { id: "u-ddp", engine: { setup: "ddp:2", precision: "mixed" } },
      { id: "pp-dp", model: { name: "unetpp" }, engine: { setup: "dp:2" } },
    );
    expect(names(six)).toEqual([
      "U-Net, width 1",
      // It has no run of one device.
      "U-Net++, width 1, 2 replicas, DP",
      "Noisy input",
      "BM3D",
    ]);
    expect(six.caption).toContain("their other setups stand in Table IV");
  });

  it("and the run that was compared, whatever its setup: the differences are its own", () => {
    const { six } = tables({ id: "u" }, { id: "u-dp", engine: { setup: "dp:2" }, change: compared });
    expect(names(six).slice(0, 2)).toEqual(["U-Net, width 1", "U-Net, width 1, 2 replicas, DP"]);
    expect(six.caption).not.toContain("Table IV");
  });

  it("a run of one device before a newer one of two, where both were compared", () => {
    const other = [methodResult("bm3d", "BM3D", 33, { mean: 7, low: 6, high: 8 })];
    const { six } = tables(
      { id: "u", createdAt: 1, change: compared },
      {
        id: "u-dp",
        createdAt: 2,
        engine: { setup: "dp:2" },
        change: (result) => ({ ...result, methods: other }),
      },
    );
    expect(names(six)).toEqual(["U-Net, width 1", "Noisy input", "BM3D"]);
    expect(cell(six, 2, "ours.unet.less").value).toBe(-1.667);
  });

  it("tells seeds apart, which have their own test images", () => {
    const { six } = tables({ id: "a", seed: 1, change: compared }, { id: "b", seed: 2, change: compared });
    expect(names(six)).toHaveLength(6);
    expect(six.rows.map((_, row) => cell(six, row, "seed").value)).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it("says so where one of the methods was trained", () => {
    const dncnn = methodResult("dncnn", "DnCNN", 34, { mean: -2, low: -3, high: -1 });
    const { six } = tables({ id: "u", change: (result) => ({ ...result, methods: [...methods, dncnn] }) });
    expect(six.caption).toContain("Against methods that are not trained and DnCNN with stored weights, all");
  });
});

describe("numbers of Tables III and VI", () => {
  const measured = {
    lpips: { mean: 0.123456, ci95: 0.0123 },
    ssimGaussian: { mean: 0.8258, ci95: 0.00778 },
    msSsim: null,
    mae: { mean: 0.034266, ci95: 0.00193 },
  };
  const change = (result: RunResult): RunResult => {
    if (!result.test) throw new Error("The fixture has no test.");
    const { noisy, denoised } = result.test;
    return {
      ...compared(result),
      test: {
        ...result.test,
        noisy: { ...noisy, lpips: { mean: 0.6, ci95: 0.03 } },
        denoised: { ...denoised, ...measured },
      },
    };
  };
  const parts: StudyRunParts[] = [0.1, 0.2, 0.3].flatMap((std, place) => [
    { id: `u${std}`, noise: { std }, psnrDb: [30 - place, 31.4, 33.7], change },
    { id: `pp${std}`, noise: { std }, model: { name: "unetpp" }, psnrDb: [29, 31 + place / 3, 32] },
  ]);
  const runs = parts.map(studyRun);
  const { three, six } = tables(...parts);
  const IDS = ["psnrDb", "ssim", "lpips", "ssimGaussian", "mae"] as const;

  const expectInterval = (found: StudyCell, value: MeanInterval | null | undefined): void => {
    expect(found.value).toBe(value?.mean ?? null);
    expect(found.ci95).toBe(value?.ci95);
  };

  it("are those of the results in every row, whole, and the study's are the study's", () => {
    expect(three.rows).toHaveLength(runs.length);
    for (const [row, { result }] of runs.entries()) {
      const { test, config } = result;
      expectInterval(cell(three, row, "ours.noisy"), test?.noisy.psnrDb);
      expect(cell(three, row, "tested").value).toBe(test?.count);
      for (const id of IDS) expectInterval(cell(three, row, `ours.${id}`), test?.denoised[id]);
      const paper = PAPER_RESULTS.find(
        ({ model, noiseStd, setup }) =>
          model === config.model.name && noiseStd === config.noise.std && setup === "1 GPU",
      );
      for (const id of ["psnrDb", "ssim", "lpips"] as const) {
        const { value, ci95 } = cell(three, row, `paper.${id}`);
        expect({ mean: value, ci95 }).toEqual(paper?.[id]);
      }
    }
  });

  it("are those of each method beside its own networks, difference and p included", () => {
    // At each noise two networks, then the methods.
    expect(six.rows).toHaveLength(3 * (2 + methods.length));
    for (const [place, { result }] of runs.entries()) {
      const row = Math.floor(place / 2) * (2 + methods.length) + (place % 2);
      for (const id of IDS) expectInterval(cell(six, row, `ours.${id}`), result.test?.denoised[id]);
      expect(cell(six, row, "ours.seconds").value).toBeNull();
      if (place % 2 === 1) continue;
      for (const [at, method] of methods.entries()) {
        const under = row + 2 + at;
        expect(cell(six, under, "method").value).toBe(method.title);
        expect(cell(six, under, "noise").value).toBe(`σ ${result.config.noise.std}`);
        for (const id of IDS) expectInterval(cell(six, under, `ours.${id}`), method[id]);
        expect(cell(six, under, "ours.seconds").value).toBe(method.seconds);
        const { mean, low, high } = method.versusNetwork.differenceDb;
        expect(cell(six, under, "ours.unet.less")).toMatchObject({ value: mean, interval: [low, high] });
        expect(cell(six, under, "ours.unet.p").value).toBe(method.versusNetwork.holmP);
      }
    }
    // U-Net++ was not compared: no column claims so.
    expect(six.columns.map(({ id }) => id)).not.toContain("ours.unetpp.less");
  });
});
