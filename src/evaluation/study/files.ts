import type { StudyPictureImage, StudyReport } from "@/contracts/studyReport";
import type { RunFile } from "../runFiles";
import { chartSvg } from "./chartSvg";
import { tableCsv } from "./csv";
import { reportHtml } from "./html";
import { reportJson } from "./json";
import { reportLatex } from "./latex";
import { reportMarkdown } from "./markdown";
import { pictureSvg } from "./pictureSvg";

const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Figures as files of their own: id → path. */
function figurePaths({ figures }: StudyReport, images: readonly StudyPictureImage[], extension: string) {
  const made = figures.filter(
    ({ id, kind }) => kind !== "pictures" || images.some((image) => image.id === id),
  );
  return new Map(made.map(({ id }) => [id, `figures/${id}.${extension}`]));
}

export function studyMarkdown(report: StudyReport, images: readonly StudyPictureImage[]): string {
  return reportMarkdown(report, figurePaths(report, images, "svg"));
}

/** The tables of a report as CSV. */
export function* tableFiles(report: StudyReport): Generator<RunFile> {
  for (const table of [...report.tables, report.conditions, report.differences])
    yield { path: `tables/${table.id}.csv`, bytes: encode(tableCsv(table)) };
}

/** Every file of a report: whole in four formats, its tables as CSV, its figures as SVG, its pictures as PNG too. */
export function* studyFiles(report: StudyReport, images: readonly StudyPictureImage[]): Generator<RunFile> {
  const pngs = new Map(images.map(({ id }) => [id, `figures/${id}.png`]));
  yield { path: "report.html", bytes: encode(reportHtml(report, images)) };
  yield { path: "report.md", bytes: encode(studyMarkdown(report, images)) };
  yield { path: "report.tex", bytes: encode(reportLatex(report, pngs)) };
  yield { path: "report.json", bytes: encode(reportJson(report)) };
  yield* tableFiles(report);
  for (const figure of report.figures) {
    if (figure.kind !== "pictures") {
      yield { path: `figures/${figure.id}.svg`, bytes: encode(chartSvg(figure)) };
      continue;
    }
    const image = images.find(({ id }) => id === figure.id);
    if (!image) continue;
    yield { path: `figures/${figure.id}.svg`, bytes: encode(pictureSvg(figure, image)) };
    yield { path: `figures/${figure.id}.png`, bytes: image.png };
  }
}
