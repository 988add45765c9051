import { LabError } from "@/contracts/failure";
import {
  STUDY_REPORT_VERSION,
  type StudyCrop,
  type StudyPicture,
  type StudyReport,
  type StudyRun,
} from "@/contracts/studyReport";
import { PAPER_CITATION } from "../paperResults";
import { qualityChart, timeChart } from "./charts";
import { conditionsTable, differencesTable } from "./conditions";
import { contextOf } from "./context";
import { compareNetworks, type NetworkComparison } from "./paired";
import { DEFAULT_CROP, pictureFigures } from "./pictureFigures";
import { runCells } from "./runCells";
import { summarySentences } from "./summary";
import { devicesTable } from "./tables/devices";
import { modelsTable } from "./tables/models";
import { networksTable } from "./tables/networks";
import { priorMethodsTable, quotedMethodsTable } from "./tables/priorMethods";
import { qualityTable } from "./tables/quality";
import { setupsTable } from "./tables/setups";
import { timeSavedTable } from "./tables/timeSaved";

export interface StudyOptions {
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly title?: string;
  readonly crop?: StudyCrop;
  /** What the caller had to leave out, a sentence each. */
  readonly leftOut?: readonly string[];
}

const DEFAULT_TITLE = "The study again: denoising chest X-rays with U-Net and U-Net++";

/**
 * The study's tables and figures from chosen runs, its own numbers beside them. Pure, and the same wherever it runs. Pictures
 * may be empty: Figures 5 to 7 are then left out. Fails with `run/no-test` when no run has test results.
 */
export function buildStudyReport(
  runs: readonly StudyRun[],
  pictures: readonly StudyPicture[],
  options: StudyOptions,
): StudyReport {
  const { cells, leftOut } = runCells(runs);
  if (cells.length === 0)
    throw new LabError(
      "run/no-test",
      `None of the ${runs.length} chosen runs has test results.`,
      "Choose runs that came to their end.",
    );
  const context = contextOf(cells);
  const comparisons = compareNetworks(cells);
  const quality = qualityTable(context);
  const timeSaved = timeSavedTable(context);
  const methods = priorMethodsTable(context);
  const networks = networksTable(context, comparisons);
  const figures = pictureFigures(context, pictures, options.crop ?? DEFAULT_CROP);
  return {
    schemaVersion: STUDY_REPORT_VERSION,
    title: options.title ?? DEFAULT_TITLE,
    citation: PAPER_CITATION,
    madeAt: options.madeAt,
    summary: summarySentences(context, comparisons),
    conditions: conditionsTable(context),
    differences: differencesTable(context),
    tables: [
      modelsTable(context),
      devicesTable(context),
      quality,
      setupsTable(context),
      timeSaved,
      methods,
      quotedMethodsTable(),
      networks,
    ].filter((table) => table !== null),
    figures: [timeChart(context), qualityChart(context), ...figures].filter((figure) => figure !== null),
    leftOut: [
      ...leftOut,
      ...(options.leftOut ?? []),
      ...(quality ? [] : ["Table III needs a run of one device (setup single)."]),
      ...(timeSaved
        ? []
        : [
            "Table V needs a run of one device beside one of several, or of mixed precision, on the same images with the same network and noise.",
          ]),
      ...(methods
        ? []
        : [
            "Table VI needs a run whose test images were given to other methods: compare them on the page of a run.",
          ]),
      ...(networks ? [] : [whyNoComparison(cells.length, comparisons)]),
      ...(figures.length > 0
        ? []
        : ["Figures 5 to 7 need test pictures, made from the best weights of runs."]),
    ],
  };
}

function whyNoComparison(cells: number, comparisons: readonly NetworkComparison[]): string {
  return cells < 2 || comparisons.length > 0
    ? "Network against network needs runs of two networks."
    : "Network against network needs runs of two networks with the same images, noise, seed and setup, with their results by image.";
}
