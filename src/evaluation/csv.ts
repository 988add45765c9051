import { LabError } from "@/contracts/failure";
import type { EpochRecord, ImageMetrics } from "@/contracts/training";

const EPOCH_COLUMNS = [
  "epoch",
  "step",
  "train_loss",
  "validation_loss",
  "validation_psnr_db",
  "validation_ssim",
  "seconds",
  "validation_seconds",
] as const;
/** Exactly the columns of the headless contract: others read this file. What is measured beyond has a file of its own. */
const IMAGE_COLUMNS = [
  "file",
  "psnr_db",
  "ssim",
  "lpips",
  "noisy_psnr_db",
  "noisy_ssim",
  "noisy_lpips",
] as const;
const FURTHER_COLUMNS = [
  "file",
  "mae",
  "ssim_gaussian",
  "ms_ssim",
  "noisy_mae",
  "noisy_ssim_gaussian",
  "noisy_ms_ssim",
] as const;
export const FURTHER_FILE = "per-image-more.csv";
const TEST_IMAGE_COLUMNS = ["index", "content_hash"] as const;
const STEP_COLUMNS = ["step", "loss", "step_ms"] as const;

/** Enough of a SHA-256 to tell the images of any data set apart. */
const SHORT_HASH_LENGTH = 12;

/** A number as CSV readers know it: full precision, `inf`, `nan`, and an empty cell for what was not measured. */
function cell(value: number | null): string {
  if (value === null) return "";
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return String(value);
}

/** Quoted by RFC 4180 where it has to be. */
function textCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return `${[columns, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

/** Any table: numbers in full precision, words quoted where they have to be. */
export function csvText(header: readonly string[], rows: readonly (readonly (number | string)[])[]): string {
  return table(
    header.map(textCell),
    rows.map((row) => row.map((value) => (typeof value === "number" ? cell(value) : textCell(value)))),
  );
}

/** `epochs.csv`: one row an epoch. */
export function epochsCsv(epochs: readonly EpochRecord[]): string {
  return table(
    EPOCH_COLUMNS,
    epochs.map((epoch) =>
      [
        epoch.epoch,
        epoch.step,
        epoch.trainLoss,
        epoch.validationLoss,
        epoch.validationPsnrDb,
        epoch.validationSsim,
        epoch.seconds,
        epoch.validationSeconds,
      ].map(cell),
    ),
  );
}

const fileName = ({ contentHash }: ImageMetrics, paths: ReadonlyMap<string, string>): string =>
  textCell(paths.get(contentHash) ?? contentHash.slice(0, SHORT_HASH_LENGTH));

/** `per-image.csv`: one row a test image. `paths`: content hash → file name; an image without one goes by its short hash. */
export function perImageCsv(perImage: readonly ImageMetrics[], paths: ReadonlyMap<string, string>): string {
  return table(
    IMAGE_COLUMNS,
    perImage.map((image) => [
      fileName(image, paths),
      ...[image.psnrDb, image.ssim, image.lpips, image.noisyPsnrDb, image.noisySsim, image.noisyLpips].map(
        cell,
      ),
    ]),
  );
}

/** `per-image-more.csv`: the further metrics of the same rows; null where none was measured. */
export function furtherMetricsCsv(
  perImage: readonly ImageMetrics[],
  paths: ReadonlyMap<string, string>,
): string | null {
  if (perImage.every(({ mae }) => mae === undefined)) return null;
  return table(
    FURTHER_COLUMNS,
    perImage.map((image) => [
      fileName(image, paths),
      ...[
        image.mae ?? null,
        image.ssimGaussian ?? null,
        image.msSsim ?? null,
        image.noisyMae ?? null,
        image.noisySsimGaussian ?? null,
        image.noisyMsSsim ?? null,
      ].map(cell),
    ]),
  );
}

/** `test-images.csv`: which images of the data set the rows of `per-image.csv` are, by index and full content hash. */
export function testImagesCsv(perImage: readonly ImageMetrics[]): string {
  return table(
    TEST_IMAGE_COLUMNS,
    perImage.map((image) => [cell(image.index), textCell(image.contentHash)]),
  );
}

/** `steps.csv`: the loss and wall milliseconds of each optimiser step, the first being step 1. */
export function stepsCsv(losses: Float32Array, stepMs: Float32Array): string {
  const rows = Array.from(losses, (loss, i) => [cell(i + 1), cell(loss), cell(stepMs[i] as number)]);
  return table(STEP_COLUMNS, rows);
}

/** The lines of a CSV text (RFC 4180), header included; empty ones are no lines. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let value = "";
  let quoted = false;
  const endRow = (): void => {
    row.push(value);
    value = "";
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (quoted) {
      if (char !== '"') value += char;
      else if (text[i + 1] === '"') {
        value += '"';
        i++;
      } else quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === ",") {
      row.push(value);
      value = "";
    } else if (char === "\n") endRow();
    else if (char !== "\r") value += char;
  }
  endRow();
  return rows;
}

/** The rows of a CSV text whose header begins with `columns`; a later lab may have added more. Fails with `run/corrupt`. */
function parseTable(text: string, file: string, columns: readonly string[]): readonly (readonly string[])[] {
  const rows = parseCsv(text);
  const header = rows.shift() ?? [];
  if (header.slice(0, columns.length).join() !== columns.join())
    throw corrupt(file, `its first line is not ${columns.join()}`);
  const short = rows.findIndex((cells) => cells.length !== header.length);
  if (short >= 0) throw corrupt(file, `line ${short + 2} does not have ${header.length} cells`);
  return rows;
}

function corrupt(file: string, what: string): LabError {
  return new LabError(
    "run/corrupt",
    `${file} cannot be read: ${what}.`,
    "Export the run again where it was trained.",
  );
}

function parseNumber(text: string, file: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  if (text === "-inf") return Number.NEGATIVE_INFINITY;
  if (text === "nan") return Number.NaN;
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) throw corrupt(file, `"${text}" is not a number`);
  return value;
}

/** A cell of numbers, null where it is empty. */
function optionalNumber(text: string, file: string): number | null {
  return text === "" ? null : parseNumber(text, file);
}

/** Rows of a file that stands beside `per-image.csv`: as many as its images. */
function besideImages(
  text: string | null,
  file: string,
  columns: readonly string[],
  images: number,
): readonly (readonly string[])[] | null {
  if (text === null) return null;
  const rows = parseTable(text, file, columns);
  if (rows.length !== images) throw corrupt(file, `it has ${rows.length} rows for ${images} images`);
  return rows;
}

/**
 * The inverse of `perImageCsv`, `testImagesCsv` and `furtherMetricsCsv`. Without the second an image's index is its row and
 * its hash what stands in the file column; without the third further metrics are absent. Fails with `run/corrupt`.
 */
export function parsePerImageCsv(
  text: string,
  testImages: string | null,
  furtherMetrics: string | null,
): ImageMetrics[] {
  const file = "per-image.csv";
  const rows = parseTable(text, file, IMAGE_COLUMNS);
  const identities = besideImages(testImages, "test-images.csv", TEST_IMAGE_COLUMNS, rows.length);
  const furtherRows = besideImages(furtherMetrics, FURTHER_FILE, FURTHER_COLUMNS, rows.length);
  return rows.map((cells, i) => {
    const number = (column: number): number => parseNumber(cells[column] as string, file);
    const optional = (column: number): number | null => optionalNumber(cells[column] as string, file);
    const identity = identities?.[i];
    return {
      index: identity ? parseNumber(identity[0] as string, "test-images.csv") : i,
      contentHash: identity ? (identity[1] as string) : (cells[0] as string),
      psnrDb: number(1),
      ssim: number(2),
      lpips: optional(3),
      noisyPsnrDb: number(4),
      noisySsim: number(5),
      noisyLpips: optional(6),
      ...furtherMetricsOf(furtherRows?.[i]),
    };
  });
}

function furtherMetricsOf(cells: readonly string[] | undefined): Partial<ImageMetrics> {
  if (!cells) return {};
  const at = (column: number): number | null => optionalNumber(cells[column] as string, FURTHER_FILE);
  return {
    mae: at(1) ?? undefined,
    ssimGaussian: at(2) ?? undefined,
    msSsim: at(3),
    noisyMae: at(4) ?? undefined,
    noisySsimGaussian: at(5) ?? undefined,
    noisyMsSsim: at(6),
  };
}

/** The inverse of `stepsCsv`. Fails with `run/corrupt`. */
export function parseStepsCsv(text: string): {
  losses: Float32Array<ArrayBuffer>;
  stepMs: Float32Array<ArrayBuffer>;
} {
  const file = "steps.csv";
  const rows = parseTable(text, file, STEP_COLUMNS);
  const column = (place: number) =>
    Float32Array.from(rows, (cells) => parseNumber(cells[place] as string, file));
  return { losses: column(1), stepMs: column(2) };
}
