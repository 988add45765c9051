import type { StudyPictureFigure, StudyPictureImage } from "@/contracts/studyReport";
import { base64 } from "./base64";
import { cropPixels } from "./pictureImage";
import { at, LIGHT, type Palette, svgDocument, svgText } from "./svg";

/** Room for the words above the columns and left of the rows, in pixels of the picture. */
const HEAD = 46;
const SIDE = 28;
const EDGE = 10;

/** Where the cells of the upper row, the whole images, lie in the SVG. */
export function wholePlaces(
  { columns }: StudyPictureFigure,
  { cell, gap }: StudyPictureImage,
): { readonly lefts: readonly number[]; readonly top: number; readonly side: number } {
  return { lefts: columns.map((_, place) => SIDE + place * (cell + gap)), top: HEAD, side: cell };
}

/** How many times the crop is enlarged, e.g. "4" or "3.8". */
function enlargement({ crop, size }: StudyPictureFigure, cell: number): string {
  const factor = cell / cropPixels(crop, size).side;
  return Number.isInteger(factor) ? String(factor) : factor.toFixed(1);
}

function columnWords(column: StudyPictureFigure["columns"][number]): string {
  return column.psnrDb === null ? column.label : `${column.label}, ${column.psnrDb.toFixed(2)} dB`;
}

/** What the picture shows, in words. */
export function pictureDescription(figure: StudyPictureFigure): string {
  return `${figure.caption} From left to right: ${figure.columns.map(columnWords).join("; ")}.`;
}

/** A picture figure with its words around it, as one SVG that holds its pixels. */
export function pictureSvg(
  figure: StudyPictureFigure,
  image: StudyPictureImage,
  colours: Palette = LIGHT,
): string {
  const { width, height, cell, gap, png } = image;
  const parts = [
    `<image x="${SIDE}" y="${HEAD}" width="${width}" height="${height}" preserveAspectRatio="none" href="data:image/png;base64,${base64(png)}"/>`,
  ];
  for (const [place, { label, psnrDb }] of figure.columns.entries()) {
    const x = SIDE + place * (cell + gap) + cell / 2;
    parts.push(
      svgText(x, 20, label, { anchor: "middle", size: 16, weight: 650, fill: colours.ink }),
      svgText(x, 38, psnrDb === null ? "reference" : `${psnrDb.toFixed(2)} dB`, {
        anchor: "middle",
        size: 13,
        fill: colours.dimmed,
      }),
    );
  }
  for (const [row, words] of ["whole", `crop × ${enlargement(figure, cell)}`, "error"].entries()) {
    const y = HEAD + row * (cell + gap) + cell / 2;
    parts.push(
      `<g transform="rotate(-90 ${SIDE - 10} ${at(y)})">${svgText(SIDE - 10, y, words, { anchor: "middle", size: 13, fill: colours.dimmed })}</g>`,
    );
  }
  // The scale of the errors stands on black, whatever the colours of the page are.
  const scaleLeft = SIDE + (figure.columns.length - 1) * (cell + gap);
  const scaleTop = HEAD + 2 * (cell + gap);
  const onBlack = { size: 13, fill: "#ffffff" } as const;
  parts.push(
    svgText(scaleLeft + cell / 2, scaleTop + cell * 0.4, "absolute error", { ...onBlack, anchor: "middle" }),
    svgText(scaleLeft + cell * 0.1, scaleTop + cell * 0.63, "0", onBlack),
    svgText(scaleLeft + cell * 0.9, scaleTop + cell * 0.63, `≥ ${figure.errorWhite}`, {
      ...onBlack,
      anchor: "end",
    }),
  );
  return svgDocument({
    id: figure.id,
    width: SIDE + width + EDGE,
    height: HEAD + height + EDGE,
    title: `${figure.title}: test image ${figure.imageIndex} at noise σ ${figure.noise.std}`,
    description: pictureDescription(figure),
    background: colours.background,
    body: parts.join(""),
  });
}
