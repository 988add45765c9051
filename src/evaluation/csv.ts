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
/** The columns of the headless contract; files of earlier labs and of PyTorch end with them. */
const IMAGE_COLUMNS = [
  "file",
  "psnr_db",
  "ssim",
  "lpips",
  "noisy_psnr_db",
  "noisy_ssim",
  "noisy_lpips",
] as const;
const FURTHER_IMAGE_COLUMNS = [
  ...IMAGE_COLUMNS,
  "mae",
  "ssim_gaussian",
  "ms_ssim",
  "noisy_mae",
  "noisy_ssim_gaussian",
  "noisy_ms_ssim",
] as const;
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

/** `per-image.csv`: one row a test image; the further columns only where a row has them. `paths`: content hash → file name; an image without one goes by its short hash. */
export function perImageCsv(perImage: readonly ImageMetrics[], paths: ReadonlyMap<string, string>): string {
  const further = perImage.some(({ mae }) => mae !== undefined);
  return table(
    further ? FURTHER_IMAGE_COLUMNS : IMAGE_COLUMNS,
    perImage.map((image) => [
      textCell(paths.get(image.contentHash) ?? image.contentHash.slice(0, SHORT_HASH_LENGTH)),
      ...[image.psnrDb, image.ssim, image.lpips, image.noisyPsnrDb, image.noisySsim, image.noisyLpips].map(
        cell,
      ),
      ...(further ? furtherValues(image).map(cell) : []),
    ]),
  );
}

function furtherValues(image: ImageMetrics): (number | null)[] {
  return [
    image.mae ?? null,
    image.ssimGaussian ?? null,
    image.msSsim ?? null,
    image.noisyMae ?? null,
    image.noisySsimGaussian ?? null,
    image.noisyMsSsim ?? null,
  ];
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

interface ParsedTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A CSV text whose header begins with `columns`; a later lab may have added more. Fails with `run/corrupt`. */
function parseTable(text: string, file: string, columns: readonly string[]): ParsedTable {
  const rows = parseCsv(text);
  const header = rows.shift() ?? [];
  if (header.slice(0, columns.length).join() !== columns.join())
    throw corrupt(file, `its first line is not ${columns.join()}`);
  const short = rows.findIndex((cells) => cells.length !== header.length);
  if (short >= 0) throw corrupt(file, `line ${short + 2} does not have ${header.length} cells`);
  return { header, rows };
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

/**
 * The inverse of `perImageCsv` and `testImagesCsv`. Without the latter an image's index is its row and its hash what
 * stands in the file column. Fails with `run/corrupt`.
 */
export function parsePerImageCsv(text: string, testImages: string | null): ImageMetrics[] {
  const file = "per-image.csv";
  const { header, rows } = parseTable(text, file, IMAGE_COLUMNS);
  const identities =
    testImages === null ? null : parseTable(testImages, "test-images.csv", TEST_IMAGE_COLUMNS).rows;
  if (identities && identities.length !== rows.length)
    throw corrupt("test-images.csv", `it has ${identities.length} rows for ${rows.length} images`);
  return rows.map((cells, i) => {
    const number = (column: number): number => parseNumber(cells[column] as string, file);
    const optional = (column: number): number | null => (cells[column] === "" ? null : number(column));
    /** Undefined where the file has no such column. */
    const further = (name: (typeof FURTHER_IMAGE_COLUMNS)[number]): number | null | undefined => {
      const column = header.indexOf(name);
      return column < 0 ? undefined : optional(column);
    };
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
      ...(further("mae") !== undefined && {
        mae: further("mae") ?? undefined,
        ssimGaussian: further("ssim_gaussian") ?? undefined,
        msSsim: further("ms_ssim"),
        noisyMae: further("noisy_mae") ?? undefined,
        noisySsimGaussian: further("noisy_ssim_gaussian") ?? undefined,
        noisyMsSsim: further("noisy_ms_ssim"),
      }),
    };
  });
}

/** The inverse of `stepsCsv`. Fails with `run/corrupt`. */
export function parseStepsCsv(text: string): {
  losses: Float32Array<ArrayBuffer>;
  stepMs: Float32Array<ArrayBuffer>;
} {
  const file = "steps.csv";
  const { rows } = parseTable(text, file, STEP_COLUMNS);
  const column = (place: number) =>
    Float32Array.from(rows, (cells) => parseNumber(cells[place] as string, file));
  return { losses: column(1), stepMs: column(2) };
}
