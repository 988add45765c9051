import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { StudyPicture, StudyRun } from "@/contracts/studyReport";
import { buildStudyReport } from "./build";
import { studyFiles } from "./files";
import { composePicture } from "./pictureImage";
import { methodResult, studyPicture, studyRun } from "./studyRuns.fixture";

const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** What report.tex loads; a TeX without it cannot say anything of our source. */
const PACKAGES = ["pgfplots", "adjustbox", "booktabs", "caption", "placeins"];
const missing = has("pdflatex", "--version")
  ? PACKAGES.filter((name) => !has("kpsewhich", `${name}.sty`))
  : ["pdflatex"];
if (missing.length > 0) console.warn(`report.tex is not compiled: there is no ${missing.join(", ")}.`);

/** TeX draws fonts that it has not drawn before. */
const COMPILE_MS = 120_000;

/** The words of the PDF; null where there is nothing to read them with. Fails where TeX does. */
function compiledWords(runs: readonly StudyRun[], pictures: readonly StudyPicture[]): string | null {
  const report = buildStudyReport(runs, pictures, { madeAt: 0 });
  const images = report.figures.flatMap((figure) =>
    figure.kind === "pictures" ? [composePicture(figure, pictures)] : [],
  );
  const folder = mkdtempSync(join(tmpdir(), "lab-latex-"));
  try {
    for (const { path, bytes } of studyFiles(report, images)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), bytes);
    }
    const { status, stdout } = spawnSync(
      "pdflatex",
      ["-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "report.tex"],
      { cwd: folder, encoding: "utf8" },
    );
    expect(stdout.split("\n").filter((line) => line.startsWith("!"))).toEqual([]);
    expect(status).toBe(0);
    expect(readFileSync(join(folder, "report.pdf")).subarray(0, 5).toString()).toBe("%PDF-");
    if (!has("pdftotext", "-v")) return null;
    return spawnSync("pdftotext", ["-layout", "report.pdf", "-"], { cwd: folder, encoding: "utf8" }).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(missing.length > 0)("report.tex", () => {
  it("compiles with every chart, picture and odd name", { timeout: COMPILE_MS }, () => {
    const bm3d = methodResult("bm3d", "BM3D", 33, { mean: -1.667, low: -2, high: -1.25 });
    const odd = studyRun({
      id: "u",
      epochSeconds: [0, 0],
      change: (result) => ({ ...result, methods: [bm3d] }),
    });
    const words = compiledWords(
      [
        { ...odd, name: "50 % of_it & {more} #1 \\input{x} ~^ é 肺 [x]" },
        studyRun({ id: "pp", model: { name: "unetpp" }, psnrDb: [31, 32, 34], epochSeconds: [1e6] }),
        studyRun({ id: "dp", engine: { setup: "dp:2" }, shared: true, epochSeconds: [1, 900] }),
        studyRun({ id: "far", noise: { std: 0.33, mean: 0 }, psnrDb: [-3, -3, -3] }),
      ],
      [studyPicture(odd, 0)],
    );
    if (words === null) return;
    expect(words).toContain("2 replicas, DP (shared device), σ 0.1");
    expect(words).toContain("pale: the study; lines: 95 % intervals");
    expect(words).toContain("BM3D has a mean PSNR of 33.000");
  });

  it("keeps a label with a comma whole where it is the only one", { timeout: COMPILE_MS }, () => {
    const run = studyRun({ id: "dp", engine: { setup: "dp:4" }, noise: { std: 0.33 }, shared: true });
    const words = compiledWords([run], []);
    // In Table IV, without the note, and in the chart.
    if (words !== null) expect(words).toContain("4 replicas, DP (shared device)");
  });
});
