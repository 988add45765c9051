import { LabError } from "@/contracts/failure";
import type { StudyCrop, StudyPicture, StudyPictureFigure, StudyPictureImage } from "@/contracts/studyReport";
import { encodePng8 } from "@/imaging/encodePng";
import { resizeBicubic } from "@/imaging/resize";

/** Sides of a cell in pixels: smaller images are enlarged by a whole factor, larger ones shrunk. */
const SMALLEST_CELL = 192;
const LARGEST_CELL = 384;
/** Black between cells, as between films on a light box. */
const GAP = 6;
const WHITE = 255;

export function cellSide(size: number): number {
  if (size > LARGEST_CELL) return LARGEST_CELL;
  return size < SMALLEST_CELL ? size * Math.ceil(SMALLEST_CELL / size) : size;
}

/** The crop in whole pixels, inside the image and at least 4 on a side. */
export function cropPixels(
  { left, top, side }: StudyCrop,
  size: number,
): { x: number; y: number; side: number } {
  const pixels = Math.min(size, Math.max(4, Math.round(side * size)));
  const place = (share: number): number => Math.min(size - pixels, Math.max(0, Math.round(share * size)));
  return { x: place(left), y: place(top), side: pixels };
}

/** Brightness [0, 1], clamped (NaN to 0), as levels. */
function levelsOf(data: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(data, (value) => (value > 0 ? Math.round(Math.min(value, 1) * WHITE) : 0));
}

/** |a − b| as levels, `white` and above being white. */
function errorLevels(a: Float32Array, b: Float32Array, white: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (value, i) =>
    Math.round(Math.min(1, Math.abs(value - (b[i] as number)) / white) * WHITE),
  );
}

/** Each pixel `factor` times in both directions: the pixels of a small image stay to be seen. */
function repeated(pixels: Uint8Array, size: number, factor: number): Uint8Array<ArrayBuffer> {
  const side = size * factor;
  const out = new Uint8Array(side * side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      out[y * side + x] = pixels[Math.floor(y / factor) * size + Math.floor(x / factor)] as number;
  return out;
}

function fitted(pixels: Uint8Array, size: number, cell: number): Uint8Array<ArrayBuffer> {
  return cell > size ? repeated(pixels, size, cell / size) : resizeBicubic(pixels, size, size, cell, cell);
}

function croppedLevels(
  pixels: Uint8Array,
  size: number,
  crop: StudyCrop,
  cell: number,
): Uint8Array<ArrayBuffer> {
  const { x, y, side } = cropPixels(crop, size);
  const part = new Uint8Array(side * side);
  for (let row = 0; row < side; row++)
    part.set(pixels.subarray((y + row) * size + x, (y + row) * size + x + side), row * side);
  return resizeBicubic(part, side, side, cell, cell);
}

/** A white frame with a black one around it, so that it is seen on light and dark. */
function frame(pixels: Uint8Array, cell: number, size: number, crop: StudyCrop): void {
  const scale = cell / size;
  const { x, y, side } = cropPixels(crop, size);
  const [left, top, right, bottom] = [x, y, x + side, y + side].map((edge) => Math.round(edge * scale)) as [
    number,
    number,
    number,
    number,
  ];
  const set = (column: number, row: number, level: number): void => {
    if (column >= 0 && row >= 0 && column < cell && row < cell) pixels[row * cell + column] = level;
  };
  for (const [grow, level] of [
    [1, 0],
    [0, WHITE],
  ] as const) {
    for (let column = left - grow; column < right + grow; column++) {
      set(column, top - grow, level);
      set(column, bottom - 1 + grow, level);
    }
    for (let row = top - grow; row < bottom + grow; row++) {
      set(left - grow, row, level);
      set(right - 1 + grow, row, level);
    }
  }
}

/** Black to white from left to right in the middle of a cell: what the levels of the error maps mean. */
function scaleCell(cell: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(cell * cell);
  const [from, to] = [Math.round(cell * 0.1), Math.round(cell * 0.9)];
  for (let y = Math.round(cell * 0.46); y < Math.round(cell * 0.54); y++)
    for (let x = from; x < to; x++) out[y * cell + x] = Math.round((WHITE * (x - from)) / (to - 1 - from));
  return out;
}

/**
 * A figure as one grey picture: its columns side by side; above the whole image with the crop framed, in the middle the crop
 * enlarged, below the absolute error (of the clean column, the scale of it). Fails with `data/missing`.
 */
export function composePicture(
  figure: StudyPictureFigure,
  pictures: readonly StudyPicture[],
): StudyPictureImage & { readonly levels: Uint8Array<ArrayBuffer> } {
  const { size, columns, crop, errorWhite } = figure;
  const cell = cellSide(size);
  const width = columns.length * cell + (columns.length - 1) * GAP;
  const height = 3 * cell + 2 * GAP;
  const levels = new Uint8Array(width * height);
  const put = (pixels: Uint8Array, column: number, row: number): void => {
    for (let y = 0; y < cell; y++)
      levels.set(
        pixels.subarray(y * cell, (y + 1) * cell),
        (row * (cell + GAP) + y) * width + column * (cell + GAP),
      );
  };
  for (const [at, { role, runId }] of columns.entries()) {
    const picture = pictures.find(
      (one) => one.runId === runId && one.key === figure.key && one.imageIndex === figure.imageIndex,
    );
    if (!picture)
      throw new LabError(
        "data/missing",
        `Test image ${figure.imageIndex} of run ${runId} is not among the ${pictures.length} pictures.`,
        "Make the pictures of this report again.",
      );
    const shown = { noisy: picture.noisy, network: picture.denoised, clean: picture.clean }[role];
    const grey = levelsOf(shown);
    const whole = fitted(grey, size, cell);
    frame(whole, cell, size, crop);
    put(whole, at, 0);
    put(croppedLevels(grey, size, crop, cell), at, 1);
    put(
      role === "clean" ? scaleCell(cell) : fitted(errorLevels(shown, picture.clean, errorWhite), size, cell),
      at,
      2,
    );
  }
  return { id: figure.id, width, height, cell, gap: GAP, png: encodePng8(width, height, levels), levels };
}
