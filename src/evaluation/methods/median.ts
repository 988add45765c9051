import { type DenoisingMethod, filterOf, mirrored, type Picture } from "./method";

/** Median over windows of `side`×`side` (odd) pixels, borders mirrored with the border pixel repeated (SciPy's `median_filter`). */
export function medianFilter({ data, width, height }: Picture, side: number): Float32Array<ArrayBuffer> {
  const radius = (side - 1) / 2;
  const rows = Int32Array.from(
    { length: height + 2 * radius },
    (_, i) => width * mirrored(i - radius, height),
  );
  const columns = Int32Array.from({ length: width + 2 * radius }, (_, i) => mirrored(i - radius, width));
  const window = new Float32Array(side * side);
  const out = new Float32Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let count = 0;
      for (let row = y; row < y + side; row++)
        for (let column = x; column < x + side; column++)
          window[count++] = data[(rows[row] as number) + (columns[column] as number)] as number;
      // Typed arrays sort by value; a window has at most some dozens.
      out[y * width + x] = window.sort()[(count - 1) / 2] as number;
    }
  return out;
}

/** Window sides and the σ up to which they are used: near the best on generated phantoms. */
const SIDES = [
  [0.05, 3],
  [0.08, 5],
  [0.15, 7],
  [0.25, 9],
] as const;
const WIDEST = 11;

function sideFor(std: number): number {
  return SIDES.find(([limit]) => std < limit)?.[1] ?? WIDEST;
}

export const median: DenoisingMethod = {
  name: "median",
  title: "Median filter",
  settings: "window of 3, 5, 7, 9 pixels for σ below 0.05, 0.08, 0.15, 0.25, else 11",
  denoise: filterOf((picture, std) => medianFilter(picture, sideFor(std))),
};
