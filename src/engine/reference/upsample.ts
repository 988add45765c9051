import { type Feature, scaledFeature } from "./feature";

/**
 * The two neighbours and the share of the second for each output place along one axis: source = place·(n−1)/(2n−1), so
 * that first and last pixels meet (align_corners = true).
 */
function neighbours(length: number): { low: Uint32Array; high: Uint32Array; share: Float64Array } {
  const size = 2 * length;
  const low = new Uint32Array(size);
  const high = new Uint32Array(size);
  const share = new Float64Array(size);
  for (let place = 0; place < size; place++) {
    const source = (place * (length - 1)) / (size - 1);
    const floor = Math.min(Math.floor(source), length - 1);
    low[place] = floor;
    high[place] = Math.min(floor + 1, length - 1);
    share[place] = source - floor;
  }
  return { low, high, share };
}

/** `torch.nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)`. [C, N, H, W] → [C, N, 2H, 2W]. */
export function upsampleForward(x: Feature): Feature {
  const out = scaledFeature(x, x.channels, 2);
  eachCorner(x, (from, to, factor) => {
    out.data[to] = (out.data[to] as number) + factor * (x.data[from] as number);
  });
  return out;
}

/** The transpose: each output's gradient goes to its four neighbours by their shares. */
export function upsampleBackward(x: Feature, gradient: Feature): Feature {
  const input = { ...x, data: new Float64Array(x.data.length) };
  eachCorner(x, (from, to, factor) => {
    input.data[from] = (input.data[from] as number) + factor * (gradient.data[to] as number);
  });
  return input;
}

/** Visits (input place, output place, share) for the four neighbours of every output. */
function eachCorner(x: Feature, visit: (from: number, to: number, factor: number) => void): void {
  const { height, width } = x;
  const rows = neighbours(height);
  const columns = neighbours(width);
  let to = 0;
  for (let plane = 0; plane < x.channels * x.images; plane++)
    for (let y = 0; y < 2 * height; y++) {
      const top = (plane * height + (rows.low[y] as number)) * width;
      const bottom = (plane * height + (rows.high[y] as number)) * width;
      const down = rows.share[y] as number;
      for (let i = 0; i < 2 * width; i++, to++) {
        const left = columns.low[i] as number;
        const right = columns.high[i] as number;
        const across = columns.share[i] as number;
        visit(top + left, to, (1 - down) * (1 - across));
        visit(top + right, to, (1 - down) * across);
        visit(bottom + left, to, down * (1 - across));
        visit(bottom + right, to, down * across);
      }
    }
}
