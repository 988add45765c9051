import { LabError } from "@/contracts/failure";
import { paintAirways, paintMarker } from "./phantom/airways";
import { type Anatomy, drawAnatomy, phantomStream } from "./phantom/anatomy";
import { bodyRow } from "./phantom/body";
import { paintBones } from "./phantom/bones";
import { StrokePainter, View } from "./phantom/canvas";
import { Film } from "./phantom/film";
import { lungAirRow } from "./phantom/lungs";
import { addSpineRow } from "./phantom/spine";
import { Mottle } from "./phantom/texture";
import { paintVessels } from "./phantom/vessels";

const MAX_SIZE = 4096;
/** Share of a chest's attenuation that a lungful of air takes away. */
const AIR = 0.67;
/** Half-width of crisp anatomical edges in body lengths, and at least this many pixels. */
const EDGE = 0.003;
const EDGE_PIXELS = 0.7;

/**
 * A synthetic chest radiograph (PA), [size, size] grey levels: patient `index` of `seed`. Same arguments, same bytes on
 * every machine (`exactMath.ts`), and the same anatomy at every size. Body, lungs, bones and vessels are thickness maps
 * in the beam's direction, projected by Beer–Lambert and shown as film (`film.ts`). It has no noise: it is the clean
 * image that noise is added to.
 */
export function renderPhantom(size: number, seed: number, index: number): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE)
    throw new LabError(
      "shape/phantom",
      `A phantom of ${size}×${size} pixels cannot be drawn.`,
      `Use a whole number of pixels between 1 and ${MAX_SIZE}.`,
    );
  const stream = phantomStream(seed, index);
  const anatomy = drawAnatomy(stream);
  const view = new View(size, anatomy);
  const painter = new StrokePainter(view);
  const pixels = size * size;
  const bone = new Float32Array(pixels);
  const vessels = new Float32Array(pixels);
  const airways = new Float32Array(pixels);
  paintBones(anatomy, painter, bone);
  paintVessels(anatomy, stream, painter, vessels);
  paintAirways(anatomy, painter, airways);
  if (anatomy.marker) paintMarker(anatomy, painter, bone);
  return expose(anatomy, view, new Mottle(seed, index, view.scale), { bone, vessels, airways });
}

interface Maps {
  readonly bone: Float32Array;
  readonly vessels: Float32Array;
  readonly airways: Float32Array;
}

function expose(anatomy: Anatomy, view: View, mottle: Mottle, maps: Maps): Uint8Array<ArrayBuffer> {
  const { size } = view;
  const out = new Uint8Array(size * size);
  const body = new Float32Array(size);
  const air = new Float32Array(size);
  const texture = new Float32Array(size);
  const film = new Film(anatomy);
  const dx = 1 / view.scale;
  const soft = Math.max(EDGE, EDGE_PIXELS * dx);
  for (let row = 0; row < size; row++) {
    const y = view.bodyY(row);
    const x0 = view.bodyX0(y);
    bodyRow(anatomy, y, x0, dx, size, body, 0);
    lungAirRow(anatomy, y, x0, dx, size, soft, air, 0);
    addSpineRow(anatomy, y, x0, dx, size, maps.bone, row * size);
    mottle.row(y, x0, dx, texture);
    for (let column = 0; column < size; column++) {
      const i = row * size + column;
      const tissue = body[column] as number;
      const lung = air[column] as number;
      const grain = texture[column] as number;
      const thickness =
        tissue * (1 + 0.012 * grain) -
        AIR * anatomy.air * lung * (1 - 0.045 * grain) +
        (maps.vessels[i] as number) * Math.min(lung * 2.5, 1) +
        (maps.bone[i] as number) * (1 + 0.06 * grain) -
        (maps.airways[i] as number);
      out[i] = film.level(thickness);
    }
  }
  return out;
}
