import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { resizeBicubic } from "@/imaging/resize";

/**
 * The dataset at the size of the run: as stored, or each image reduced as it is read (Pillow's bicubic).
 * Fails with `shape/too-small` when the stored images are smaller than that.
 */
export function readerAtSize(reader: ImageReader, size: number): ImageReader {
  if (reader.size === size) return reader;
  if (reader.size < size)
    throw new LabError(
      "shape/too-small",
      `The images are stored at ${reader.size}×${reader.size}, smaller than the ${size}×${size} of this run.`,
      `Choose a size of at most ${reader.size}, or import the images again at ${size}.`,
    );
  return {
    count: reader.count,
    size,
    patientKeys: reader.patientKeys,
    async read(indices) {
      const stored = await reader.read(indices);
      const storedArea = reader.size ** 2;
      const reduced = new Uint8Array(indices.length * size * size);
      for (let image = 0; image < indices.length; image++) {
        const pixels = stored.subarray(image * storedArea, (image + 1) * storedArea);
        reduced.set(resizeBicubic(pixels, reader.size, reader.size, size, size), image * size * size);
      }
      return reduced;
    },
  };
}
