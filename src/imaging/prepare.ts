import { LabError } from "@/contracts/failure";
import { baseName, decodeImage } from "./decode";
import { toGrey8 } from "./grey";
import { resizeBicubic } from "./resize";

/**
 * A file's bytes → the [size, size] grey bytes a dataset stores: Pillow's `convert("L").resize((size, size))`. Failures:
 * those of `decodeImage`, and `shape/too-small` for an image below `size` on either side, because enlarging it would
 * teach a network a softness that is not in the X-rays.
 */
export async function prepareImage(
  bytes: Uint8Array,
  path: string,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const image = await decodeImage(bytes, path);
  if (image.width < size || image.height < size)
    throw new LabError(
      "shape/too-small",
      `${baseName(path)} has ${image.width} × ${image.height} pixels, below the dataset's ${size} × ${size}.`,
      "Import at a smaller size or leave it out.",
    );
  return resizeBicubic(toGrey8(image), image.width, image.height, size, size);
}
