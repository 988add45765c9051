import type { StudyCrop } from "@/contracts/studyReport";
import type { StudyDrawnPictures } from "@/contracts/workers";

type Places = StudyDrawnPictures["figures"][number]["places"];

/** The crop moved so that a point of the drawing lies in its middle, inside the image; null for a point on none of the whole images. */
export function cropAround(
  crop: StudyCrop,
  { lefts, top, side }: Places,
  x: number,
  y: number,
): StudyCrop | null {
  const left = lefts.find((edge) => x >= edge && x < edge + side);
  if (left === undefined || y < top || y >= top + side) return null;
  const start = (share: number): number =>
    Number(Math.min(1 - crop.side, Math.max(0, share - crop.side / 2)).toFixed(2));
  return { ...crop, left: start((x - left) / side), top: start((y - top) / side) };
}
