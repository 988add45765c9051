import { PURPOSE, philox4x32 } from "@/contracts/random";

/** Lattice cells per body length of each octave; an octave too fine for the image is left out, so that no size aliases. */
const OCTAVES: readonly (readonly [number, number])[] = [
  [7, 0.9],
  [23, 0.6],
  [61, 0.55],
  [113, 0.5],
];
const FINEST_CELL_PIXELS = 2;
const LATTICE = 128;

/** Smooth mottle, mean 0 and about ±1, the same for a body whatever the image's size. */
export class Mottle {
  private readonly lattice: Float32Array;
  private readonly octaves: readonly (readonly [number, number])[];

  constructor(seed: number, index: number, pixelsPerBody: number) {
    const words = new Uint32Array(LATTICE * LATTICE);
    // Visit 1 of the phantom's stream: visit 0 draws the anatomy.
    for (let i = 0; i < words.length; i += 4)
      philox4x32(i >> 2, index, 1, 0, seed, PURPOSE.phantom, words, i);
    this.lattice = new Float32Array(words.length);
    for (let i = 0; i < words.length; i++) this.lattice[i] = (words[i] as number) / 2147483648 - 1;
    this.octaves = OCTAVES.filter(([cells]) => pixelsPerBody / cells >= FINEST_CELL_PIXELS);
  }

  /** One row at body height y, from body x0 in steps of dx. */
  row(y: number, x0: number, dx: number, out: Float32Array): void {
    out.fill(0);
    for (let octave = 0; octave < this.octaves.length; octave++) {
      const [cells, weight] = this.octaves[octave] as readonly [number, number];
      const v = (y + 2) * cells + octave * 31;
      const row = Math.floor(v);
      const fy = ease(v - row);
      const upper = (row & (LATTICE - 1)) * LATTICE;
      const lower = ((row + 1) & (LATTICE - 1)) * LATTICE;
      for (let i = 0; i < out.length; i++) {
        const u = (x0 + i * dx + 2) * cells;
        const column = Math.floor(u);
        const fx = ease(u - column);
        const a = column & (LATTICE - 1);
        const b = (column + 1) & (LATTICE - 1);
        const top = mix(this.lattice[upper + a] as number, this.lattice[upper + b] as number, fx);
        const bottom = mix(this.lattice[lower + a] as number, this.lattice[lower + b] as number, fx);
        out[i] = (out[i] as number) + weight * mix(top, bottom, fy);
      }
    }
  }
}

function ease(t: number): number {
  return t * t * (3 - 2 * t);
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}
