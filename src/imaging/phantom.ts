import { type Anatomy, drawAnatomy, phantomStream } from "./phantom/anatomy";
import { bodyRow } from "./phantom/body";
import { paintBones } from "./phantom/bones";
import { StrokePainter, type StrokePoint, View } from "./phantom/canvas";
import { Film } from "./phantom/film";
import { lungAirRow } from "./phantom/lungs";
import { addSpineRow } from "./phantom/spine";
import { Mottle } from "./phantom/texture";
import { paintVessels } from "./phantom/vessels";

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

/** The trachea's air column, slightly to the patient's right at the arch, and the main bronchi; stomach gas. */
function paintAirways(anatomy: Anatomy, painter: StrokePainter, map: Float32Array): void {
  const { apexY, turn, gastricBubble, domeY } = anatomy;
  const carina = apexY + 0.215;
  const at = (x: number, y: number, halfWidth: number, amount: number): StrokePoint => ({
    x: x + turn * 0.3,
    y,
    halfWidth,
    amount,
  });
  painter.paint(
    map,
    [
      at(0, -0.2, 0.0195, 0.2),
      at(0, apexY, 0.0185, 0.2),
      at(-0.006, carina - 0.03, 0.0175, 0.17),
      at(-0.004, carina, 0.015, 0.12),
    ],
    "tube",
  );
  painter.paint(
    map,
    [
      at(-0.004, carina - 0.012, 0.013, 0.1),
      at(-0.05, carina + 0.055, 0.011, 0.09),
      at(-0.075, carina + 0.1, 0.008, 0.03),
    ],
    "tube",
  );
  painter.paint(
    map,
    [
      at(-0.002, carina - 0.008, 0.011, 0.09),
      at(0.045, carina + 0.045, 0.01, 0.06),
      at(0.078, carina + 0.07, 0.008, 0.03),
    ],
    "tube",
  );
  if (gastricBubble > 0) {
    // Gas under the left dome, flat below where it meets fluid.
    const y = domeY[1] + 0.052;
    const width = 0.03 * gastricBubble;
    painter.paint(
      map,
      [
        at(0.105, y, width * 0.7, 0.14),
        at(0.14, y - 0.012, width, 0.24),
        at(0.185, y - 0.014, width * 1.1, 0.26),
        at(0.215, y, width * 0.75, 0.14),
      ],
      "tube",
    );
  }
}

/** The lead letter that says which side is the patient's left. */
function paintMarker(anatomy: Anatomy, painter: StrokePainter, map: Float32Array): void {
  const x = 0.36 / anatomy.zoom;
  const y = 0.5 - 0.42 / anatomy.zoom;
  const at = (dx: number, dy: number): StrokePoint => ({
    x: x + dx,
    y: y + dy,
    halfWidth: 0.0042,
    amount: 1.2,
  });
  painter.paint(map, [at(0, -0.02), at(0, 0.02), at(0.022, 0.02)], "tube");
}
