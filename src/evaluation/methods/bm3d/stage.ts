import type { Picture } from "../method";
import { Matches, SEARCH } from "./matching";
import { PatchRows } from "./patchRows";
import { haarForward, haarInverse, type PatchTransform, transformPatch } from "./transforms";

/** Shape of the Kaiser window that fades patches towards their borders. */
const KAISER_BETA = 2;

export interface Stage {
  readonly transform: PatchTransform;
  /** Pixels from one reference patch to the next. */
  readonly step: number;
  /** Patches in a group at most, a power of two. */
  readonly most: number;
  /** Mean squared difference up to which two patches are alike. */
  readonly matchLimit: number;
  /** Where patches are compared and how: pixels (no transform), or coefficients not below the threshold. */
  readonly match: {
    readonly picture: Picture;
    readonly transform: PatchTransform | null;
    readonly threshold: number;
  };
  /** The basic estimate that steers the filter (Wiener), or null. */
  readonly guide: Picture | null;
  /** Filters the first `values` coefficients of a group in place; returns the group's weight in the aggregation. */
  readonly filter: (group: Float32Array, guide: Float32Array | null, values: number) => number;
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function kaiserWindow(side: number): Float64Array {
  const line = Float64Array.from(
    { length: side },
    (_, i) => bessel0(KAISER_BETA * Math.sqrt(1 - ((2 * i) / (side - 1) - 1) ** 2)) / bessel0(KAISER_BETA),
  );
  return Float64Array.from(
    { length: side * side },
    (_, i) => (line[Math.floor(i / side)] as number) * (line[i % side] as number),
  );
}

/** 0, step, 2·step, … and the last place. */
function places(count: number, step: number): number[] {
  const regular = Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
  return regular.at(-1) === count - 1 ? regular : [...regular, count - 1];
}

/** One pass of collaborative filtering: similar patches are stacked, filtered together in three dimensions and put back. */
export function collaborate(noisy: Picture, stage: Stage): Float32Array<ArrayBuffer> {
  const { transform, most, matchLimit, guide, match } = stage;
  const { side } = transform;
  const length = side * side;
  const plain = { side, kept: SEARCH, transform, threshold: 0 };
  const noisyRows = new PatchRows(noisy, plain);
  const matchRows = new PatchRows(match.picture, { side, kept: SEARCH, ...match });
  const guideRows = guide && new PatchRows(guide, plain);
  const window = kaiserWindow(side);
  const sums = new Float64Array(noisy.data.length);
  const weights = new Float64Array(noisy.data.length);
  const matches = new Matches(most);
  const group = new Float32Array(most * length);
  const guideGroup = guide && new Float32Array(most * length);
  const groupScratch = new Float32Array(most * length);
  const patchScratch = new Float64Array(length);
  const patch = new Float32Array(length);

  const gather = (rows: PatchRows, into: Float32Array): void => {
    for (let member = 0; member < matches.count; member++) {
      const from = rows.offset(matches.xs[member] as number, matches.ys[member] as number);
      into.set(rows.data.subarray(from, from + length), member * length);
    }
    haarForward(into, matches.count, length, groupScratch);
  };
  const putBack = (weight: number): void => {
    for (let member = 0; member < matches.count; member++) {
      transformPatch(side, transform.inverse, group, member * length, side, patch, 0, patchScratch);
      const corner = (matches.ys[member] as number) * noisy.width + (matches.xs[member] as number);
      for (let i = 0; i < length; i++) {
        const pixel = corner + Math.floor(i / side) * noisy.width + (i % side);
        const share = weight * (window[i] as number);
        sums[pixel] = (sums[pixel] as number) + share * (patch[i] as number);
        weights[pixel] = (weights[pixel] as number) + share;
      }
    }
  };

  for (const y of places(noisyRows.rows, stage.step)) {
    for (const rows of [noisyRows, matchRows, guideRows]) rows?.ensure(y + (SEARCH - 1) / 2);
    for (const x of places(noisyRows.columns, stage.step)) {
      matches.find(matchRows, x, y, matchLimit);
      gather(noisyRows, group);
      if (guideRows && guideGroup) gather(guideRows, guideGroup);
      const weight = stage.filter(group, guideGroup, matches.count * length);
      haarInverse(group, matches.count, length, groupScratch);
      putBack(weight);
    }
  }
  return Float32Array.from(sums, (sum, i) => sum / (weights[i] as number));
}
