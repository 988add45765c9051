import { LabError } from "@/contracts/failure";

/** 100 megapixels: more than any radiograph, and 100 MB to 800 MB once decoded. */
export const MAX_PIXELS = 100_000_000;

const GET_AGAIN = "Get the file again or leave it out.";

/** Refuses a size from a header before any of it is decoded. */
export function checkPixelCount(width: number, height: number, name: string): void {
  if (width === 0 || height === 0) throw corrupt(name, `its header claims ${width} × ${height} pixels`);
  if (width * height > MAX_PIXELS)
    throw new LabError(
      "decode/too-large",
      `${name} claims ${width} × ${height} pixels, over the limit of ${MAX_PIXELS / 1e6} megapixels.`,
      "Scale it down first or leave it out.",
    );
}

/** The file ends before its image does. */
export function truncated(name: string, bytes: number): LabError {
  return new LabError("decode/truncated", `${name} ends early, after ${bytes} bytes.`, GET_AGAIN);
}

/** The file contradicts its format; `what` continues the sentence "NAME is damaged: …". */
export function corrupt(name: string, what: string, cause?: unknown): LabError {
  return new LabError("decode/corrupt", `${name} is damaged: ${what}.`, GET_AGAIN, { cause });
}

/** A legal file of a kind the lab does not read. */
export function unsupported(name: string, what: string): LabError {
  return new LabError("decode/unsupported", `${name} is ${what}.`, "Convert it to a grey or RGB PNG.");
}
