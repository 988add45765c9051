import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StudyPicture, StudyReport, StudyRun } from "@/contracts/studyReport";
import { buildStudyReport } from "@/evaluation/study/build";
import { studyFiles } from "@/evaluation/study/files";
import { composePicture } from "@/evaluation/study/pictureImage";
import type { SessionState } from "../bench/session";
import { readStudyPictures, readStudyRun } from "./folder";

/**
 * `DIR/report` of all runs that are done; what is not done yet, or failed, stands under what was left out. The folder is
 * replaced as a whole. Returns the path of its HTML, or null while no run is done.
 */
export async function writeStudyReport({ plan, runs }: SessionState, madeAt: number): Promise<string | null> {
  const done: StudyRun[] = [];
  const pictures: StudyPicture[] = [];
  const missing: string[] = [];
  for (const [index, { folder, config }] of plan.runs.entries()) {
    const state = runs[index];
    if (!state?.done) {
      missing.push(
        state?.failure
          ? `${folder} failed: ${state.failure.message} ${state.failure.remedy}`
          : `${folder} is not done yet.`,
      );
      continue;
    }
    const path = join(plan.out, folder);
    const run = await readStudyRun(path, folder);
    done.push(run);
    pictures.push(...(await readStudyPictures(path, run, config.evaluation.exportImages)));
  }
  if (done.length === 0) return null;
  const built = buildStudyReport(done, pictures, { madeAt });
  const report: StudyReport = { ...built, leftOut: [...built.leftOut, ...missing] };
  const out = join(plan.out, "report");
  const fresh = `${out}.new`;
  await rm(fresh, { recursive: true, force: true });
  const images = report.figures
    .filter((figure) => figure.kind === "pictures")
    .map((figure) => composePicture(figure, pictures));
  for (const { path, bytes } of studyFiles(report, images)) {
    await mkdir(dirname(join(fresh, path)), { recursive: true });
    await writeFile(join(fresh, path), bytes);
  }
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
  return join(out, "report.html");
}
