/**
 * PNG scanlines: filters (PNG specification, chapter 9), Adam7 passes (chapter 8) and sample depths. Pure; the caller has
 * made sure that `raw` holds `scanlineBytes` bytes.
 */
export interface Scanlines {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly depth: number;
  readonly interlaced: boolean;
}

interface Pass {
  readonly x: number;
  readonly y: number;
  readonly stepX: number;
  readonly stepY: number;
}
const WHOLE: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }];
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
];

/** Passes that hold pixels, with their size in pixels and bytes a row. */
function passes(lines: Scanlines): (Pass & { columns: number; rows: number; rowBytes: number })[] {
  return (lines.interlaced ? ADAM7 : WHOLE).flatMap((pass) => {
    const columns = Math.ceil((lines.width - pass.x) / pass.stepX);
    const rows = Math.ceil((lines.height - pass.y) / pass.stepY);
    if (columns <= 0 || rows <= 0) return [];
    return [{ ...pass, columns, rows, rowBytes: Math.ceil((columns * lines.channels * lines.depth) / 8) }];
  });
}

/** Bytes of the inflated image, the filter byte of each row included. */
export function scanlineBytes(lines: Scanlines): number {
  return passes(lines).reduce((sum, pass) => sum + pass.rows * (pass.rowBytes + 1), 0);
}

/** Undoes one row's filter in place. `above` is the start of the row above, −1 for the first. False: no such filter. */
function unfilterRow(raw: Uint8Array, start: number, above: number, rowBytes: number, step: number): boolean {
  const end = start + rowBytes;
  switch (raw[start - 1]) {
    case 0:
      return true;
    case 1:
      for (let i = start + step; i < end; i++) raw[i] = (raw[i] as number) + (raw[i - step] as number);
      return true;
    case 2:
      if (above < 0) return true;
      for (let i = start, up = above; i < end; i++, up++) raw[i] = (raw[i] as number) + (raw[up] as number);
      return true;
    case 3:
      for (let i = start; i < end; i++) {
        const left = i - start < step ? 0 : (raw[i - step] as number);
        const up = above < 0 ? 0 : (raw[above + i - start] as number);
        raw[i] = (raw[i] as number) + ((left + up) >> 1);
      }
      return true;
    case 4:
      for (let i = start; i < end; i++) {
        const inside = i - start >= step;
        const left = inside ? (raw[i - step] as number) : 0;
        const up = above < 0 ? 0 : (raw[above + i - start] as number);
        const corner = inside && above >= 0 ? (raw[above + i - start - step] as number) : 0;
        const toLeft = Math.abs(up - corner);
        const toUp = Math.abs(left - corner);
        const toCorner = Math.abs(left + up - 2 * corner);
        const nearest = toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
        raw[i] = (raw[i] as number) + nearest;
      }
      return true;
    default:
      return false;
  }
}

/**
 * Inflated scanlines → samples [height, width, channels]: bytes, 16-bit values for depth 16, and the bare 0 … 2^depth − 1
 * for depths below 8. Works in `raw`. Null when a row names a filter that does not exist.
 */
export function readScanlines(raw: Uint8Array, lines: Scanlines): Uint8Array | Uint16Array | null {
  const { width, height, channels, depth } = lines;
  const out =
    depth === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  const step = Math.max(1, (channels * depth) >> 3);
  let offset = 0;
  for (const pass of passes(lines)) {
    let above = -1;
    for (let row = 0; row < pass.rows; row++) {
      const start = offset + 1;
      if (!unfilterRow(raw, start, above, pass.rowBytes, step)) return null;
      const target = ((pass.y + row * pass.stepY) * width + pass.x) * channels;
      copyRow(raw, start, out, target, pass.columns, pass.stepX * channels, channels, depth);
      above = start;
      offset = start + pass.rowBytes;
    }
  }
  return out;
}

/** Samples of one row to `out`, its pixels `stride` samples apart. */
function copyRow(
  raw: Uint8Array,
  start: number,
  out: Uint8Array | Uint16Array,
  target: number,
  columns: number,
  stride: number,
  channels: number,
  depth: number,
): void {
  if (depth === 8 && stride === channels) {
    out.set(raw.subarray(start, start + columns * channels), target);
    return;
  }
  const mask = (1 << depth) - 1;
  for (let x = 0; x < columns; x++)
    for (let c = 0; c < channels; c++) {
      const sample = x * channels + c;
      const at = target + x * stride + c;
      if (depth === 16)
        out[at] = ((raw[start + 2 * sample] as number) << 8) | (raw[start + 2 * sample + 1] as number);
      else {
        const bit = sample * depth;
        out[at] = ((raw[start + (bit >> 3)] as number) >> (8 - depth - (bit & 7))) & mask;
      }
    }
}
