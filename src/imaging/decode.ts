import { LabError } from "@/contracts/failure";
import { decodeJpeg, isJpeg } from "./jpeg";
import { decodePng, isPng } from "./png";

/**
 * An image as its file describes it: `data` is [height, width, channels], 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA; palettes
 * are resolved, and depths below 8 bit are scaled to 8 as in Pillow. With `bits` 16 the data are a `Uint16Array`.
 */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16;
  readonly data: Uint8Array | Uint16Array;
}

interface Decoder {
  readonly format: string;
  /** Recognises the format from the first bytes of a file (`HEAD_BYTES` are enough). */
  matches(head: Uint8Array): boolean;
  decode(bytes: Uint8Array, name: string): Promise<DecodedImage>;
}

/** New formats join here; the first match decodes. */
const DECODERS: readonly Decoder[] = [
  { format: "PNG", matches: isPng, decode: decodePng },
  { format: "JPEG", matches: isJpeg, decode: decodeJpeg },
];

/** How much of a file's start `imageFormat` looks at. */
export const HEAD_BYTES = 256;

/** A file larger than this is refused unread: 100 megapixels of 16-bit RGB are 600 MB, X-rays are a few. */
export const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** The format's name, or null when no decoder knows the bytes. */
export function imageFormat(head: Uint8Array): string | null {
  return DECODERS.find((decoder) => decoder.matches(head))?.format ?? null;
}

/** The failure of a file that no decoder knows. */
export function notAnImage(path: string): LabError {
  return new LabError(
    "decode/not-an-image",
    `${baseName(path)} is not ${DECODERS.map((decoder) => decoder.format).join(" or ")}.`,
    "Convert it to PNG or leave it out.",
  );
}

/** The failure of a file larger than `MAX_FILE_BYTES`. */
export function fileTooLarge(path: string, bytes: number): LabError {
  return new LabError(
    "decode/too-large",
    `${baseName(path)} has ${Math.round(bytes / 1048576)} MiB, over the limit of ${MAX_FILE_BYTES / 1048576} MiB.`,
    "Store the image smaller or compressed.",
  );
}

/**
 * Decodes one image file; the format is found from its bytes, `path` only names it in failures. Failures:
 * `decode/not-an-image`, `decode/too-large` (from the header, before anything is decoded), `decode/truncated`,
 * `decode/corrupt`, `decode/unsupported`.
 */
export async function decodeImage(bytes: Uint8Array, path: string): Promise<DecodedImage> {
  const head = bytes.subarray(0, HEAD_BYTES);
  const decoder = DECODERS.find((candidate) => candidate.matches(head));
  if (!decoder) throw notAnImage(path);
  return decoder.decode(bytes, baseName(path));
}

/** The last part of a path: what failures call a file. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
