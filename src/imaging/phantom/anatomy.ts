import { PURPOSE, RandomStream } from "@/contracts/random";

/**
 * One synthetic patient. Lengths are in image heights at zoom 1; x grows to the image's right (the patient's left) from
 * the midline, y grows downwards from the upper edge. `side` is −1 for the patient's right, +1 for the left.
 */
export interface Anatomy {
  /** Image scale, offset of the midline, and tilt (horizontal shift per unit of height). */
  readonly zoom: number;
  readonly shiftX: number;
  readonly shiftY: number;
  readonly tilt: number;
  /** Turn about the long axis: structures in front move by +turn, those behind by −turn. */
  readonly turn: number;
  /** Half-width of the rib cage's inside at its base. */
  readonly chestHalfWidth: number;
  readonly apexY: number;
  /** Top of the diaphragm's domes: patient's right, left. */
  readonly domeY: readonly [number, number];
  /** Farthest extent of the heart from the midline: patient's right, left; and of the waist between aorta and heart. */
  readonly heartRight: number;
  readonly heartLeft: number;
  readonly waist: number;
  readonly aorticKnob: number;
  /** Thickness of the chest wall's soft tissue at the side. */
  readonly wall: number;
  /** Depth of breast tissue, 0 for none. */
  readonly breast: number;
  readonly breastY: number;
  readonly neckHalfWidth: number;
  readonly shoulderY: number;
  readonly ribSpacing: number;
  readonly ribDrop: number;
  readonly ribHalfWidth: number;
  /** Mineral density of bone, about 1. */
  readonly bone: number;
  readonly clavicleY: number;
  readonly clavicleRise: number;
  /** How far the arms stand off: 0 hanging, 1 well abducted. */
  readonly armAngle: number;
  readonly gastricBubble: number;
  /** Fullness of the lung vessels, about 1. */
  readonly vessels: number;
  /** Lung darkness (air), about 1. */
  readonly air: number;
  /** Scattered radiation as a share of the open beam: it flattens the densest parts. */
  readonly scatter: number;
  /** Film: exposure midpoint and brightest level. */
  readonly midpoint: number;
  readonly gain: number;
  readonly marker: boolean;
}

/** Draws patient `index` of `seed`. The order of the draws is part of the phantom's definition. */
export function drawAnatomy(stream: RandomStream): Anatomy {
  const uniform = (low: number, high: number) => low + (high - low) * stream.nextFloat();
  // Sum of three uniforms: bell-shaped, bounded.
  const bell = (mean: number, spread: number) =>
    mean + (spread * 2 * (stream.nextFloat() + stream.nextFloat() + stream.nextFloat() - 1.5)) / 3;
  const female = stream.nextFloat() < 0.45;
  const adiposity = stream.nextFloat() * stream.nextFloat();
  const inspiration = bell(0, 0.075);
  const chestHalfWidth = bell(female ? 0.335 : 0.352, 0.042);
  const cardiothoracicRatio = bell(0.485, 0.15);
  const heartHalfWidth = cardiothoracicRatio * chestHalfWidth;
  const apexY = bell(0.125, 0.045);
  const rightDome = 0.715 + inspiration;
  return {
    zoom: bell(1.12, 0.16),
    shiftX: bell(0, 0.045),
    shiftY: bell(0.02, 0.04),
    tilt: bell(0, 0.07),
    turn: bell(0, 0.028),
    chestHalfWidth,
    apexY,
    domeY: [rightDome, rightDome + bell(0.022, 0.02)],
    heartRight: 2 * heartHalfWidth * 0.35,
    heartLeft: 2 * heartHalfWidth * 0.65,
    waist: bell(0.062, 0.022),
    aorticKnob: bell(0.034, 0.018),
    wall: bell(0.045, 0.02) + 0.06 * adiposity + (female ? 0.008 : 0),
    breast: female ? uniform(0.08, 0.2) + 0.12 * adiposity : 0.05 * adiposity,
    breastY: uniform(0.56, 0.66),
    neckHalfWidth: bell(female ? 0.088 : 0.102, 0.012),
    shoulderY: apexY + bell(-0.07, 0.03),
    ribSpacing: bell(0.0625, 0.005) + inspiration * 0.03,
    ribDrop: bell(0.265, 0.075),
    ribHalfWidth: bell(0.0118, 0.002),
    bone: bell(1, 0.3),
    clavicleY: apexY + bell(0.1, 0.03),
    clavicleRise: bell(0.07, 0.04),
    armAngle: uniform(0.15, 1),
    gastricBubble: stream.nextFloat() < 0.6 ? uniform(0.4, 1) : 0,
    vessels: bell(1, 0.35),
    air: bell(0.98, 0.2) - 0.08 * adiposity,
    scatter: 0.006 + 0.022 * adiposity + uniform(0, 0.01),
    midpoint: bell(1.6, 0.6),
    gain: bell(262, 16),
    marker: stream.nextFloat() < 0.6,
  };
}

/** The stream of patient `index`: anatomy first, then vessels and texture. */
export function phantomStream(seed: number, index: number): RandomStream {
  return new RandomStream(seed, PURPOSE.phantom, index);
}
