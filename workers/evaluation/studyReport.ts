import type { RunRecord } from "@/contracts/run";
import type { StudyPictureImage, StudyReport, StudyRun } from "@/contracts/studyReport";
import type {
  ComparisonProgress,
  StudyDrawnPictures,
  StudyFormat,
  StudyRequest,
  StudyView,
} from "@/contracts/workers";
import { zipFiles } from "@/evaluation/runZip";
import { buildStudyReport } from "@/evaluation/study/build";
import { chartSvg } from "@/evaluation/study/chartSvg";
import { tableCsv } from "@/evaluation/study/csv";
import { studyFiles, tableFiles } from "@/evaluation/study/files";
import { reportHtml } from "@/evaluation/study/html";
import { reportJson } from "@/evaluation/study/json";
import { reportLatex, tableLatex } from "@/evaluation/study/latex";
import { reportMarkdown, tableMarkdown } from "@/evaluation/study/markdown";
import { picturedRuns } from "@/evaluation/study/pictureFigures";
import { composePicture } from "@/evaluation/study/pictureImage";
import { pictureSvg, wholePlaces } from "@/evaluation/study/pictureSvg";
import { runCells } from "@/evaluation/study/runCells";
import { DARK, LIGHT } from "@/evaluation/study/svg";
import { getRun } from "@/storage/runs";
import type { Denoiser } from "./denoiser";
import { StudyPictures } from "./studyPictures";

type OnProgress = (progress: ComparisonProgress) => void;
type Cancelled = () => boolean;

function studyRuns(records: readonly RunRecord[]): StudyRun[] {
  return records.flatMap(({ id, name, createdAt, result, perImage }) =>
    result ? [{ id, name, createdAt, result, perImage }] : [],
  );
}

/** Test images by how many of the runs were tested on them, in the order in which they come. */
function testImagesOf(records: readonly RunRecord[]): StudyView["testImages"] {
  const images = new Map<string, { key: string; index: number; runs: number }>();
  for (const { perImage } of records)
    for (const { contentHash: key, index } of perImage ?? []) {
      const known = images.get(key);
      if (known) known.runs++;
      else images.set(key, { key, index, runs: 1 });
    }
  return [...images.values()].toSorted((a, b) => b.runs - a.runs);
}

async function* filesOf(report: StudyReport, images: readonly StudyPictureImage[]) {
  yield* studyFiles(report, images);
}

async function* tablesOf(report: StudyReport) {
  yield* tableFiles(report);
}

/** Reports over stored runs. Runs that were deleted since they were chosen fail with `run/missing`. */
export class StudyMaker {
  private readonly pictures: StudyPictures;

  constructor(denoiser: Denoiser) {
    this.pictures = new StudyPictures(denoiser);
  }

  async view({ runIds, crop }: StudyRequest): Promise<StudyView> {
    const records = await Promise.all(runIds.map((id) => getRun(id)));
    const report = buildStudyReport(studyRuns(records), [], { madeAt: Date.now(), crop });
    const charts = report.figures.flatMap((figure) =>
      figure.kind === "pictures"
        ? []
        : [{ id: figure.id, light: chartSvg(figure, LIGHT), dark: chartSvg(figure, DARK) }],
    );
    const texts = [...report.tables, report.conditions, report.differences].map((table) => ({
      id: table.id,
      markdown: tableMarkdown(table),
      latex: tableLatex(table),
      csv: tableCsv(table),
    }));
    return { report, charts, texts, testImages: testImagesOf(records) };
  }

  async drawings(
    request: StudyRequest,
    onProgress: OnProgress,
    cancelled: Cancelled,
  ): Promise<StudyDrawnPictures> {
    const { report, images } = await this.illustrated(request, onProgress, cancelled);
    const figures = report.figures.flatMap((figure) => {
      const image = images.find(({ id }) => id === figure.id);
      if (figure.kind !== "pictures" || !image) return [];
      const drawing = {
        id: figure.id,
        light: pictureSvg(figure, image, LIGHT),
        dark: pictureSvg(figure, image, DARK),
      };
      return [{ figure, drawing, places: wholePlaces(figure, image) }];
    });
    return { figures, leftOut: report.leftOut };
  }

  async file(
    request: StudyRequest,
    format: StudyFormat,
    onProgress: OnProgress,
    cancelled: Cancelled,
  ): Promise<Blob> {
    const { report, images } = await this.illustrated(request, onProgress, cancelled);
    switch (format) {
      case "html":
        return new Blob([reportHtml(report, images)], { type: "text/html" });
      case "json":
        return new Blob([reportJson(report)], { type: "application/json" });
      // By themselves these two have no files of figures beside them to point to.
      case "markdown":
        return new Blob([reportMarkdown(report, new Map())], { type: "text/markdown" });
      case "latex":
        return new Blob([reportLatex(report, new Map())], { type: "application/x-tex" });
      case "csv":
        return zipFiles(tablesOf(report));
      case "zip":
        return zipFiles(filesOf(report, images));
    }
  }

  private async illustrated(request: StudyRequest, onProgress: OnProgress, cancelled: Cancelled) {
    const records = await Promise.all(request.runIds.map((id) => getRun(id)));
    const runs = studyRuns(records);
    const shown = picturedRuns(runCells(runs).cells);
    const { pictures, leftOut } = await this.pictures.make({
      runs: records.filter(({ id }) => shown.has(id)),
      keys: request.keys,
      onProgress,
      cancelled,
    });
    const report = buildStudyReport(runs, pictures, {
      madeAt: Date.now(),
      crop: request.crop,
      leftOut,
    });
    const images = report.figures.flatMap((figure) =>
      figure.kind === "pictures" ? [composePicture(figure, pictures)] : [],
    );
    return { report, images };
  }
}
