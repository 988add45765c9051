import { z } from "zod";
import { LabError } from "@/contracts/failure";
import { FILM_LIMITS, type Film, type FilmFrame, type FilmImages } from "@/contracts/film";
import { encodePng8 } from "@/imaging/encodePng";
import { toGrey8 } from "@/imaging/grey";
import { decodePng } from "@/imaging/png";

/** Index of a film's folder; the pictures lie beside it. */
export const FILM_INDEX = "film/film.json";
/** Version of `film.json`. */
const SCHEMA_VERSION = 1;
/** Digits of a step in a file's name: so many that names sort by step. */
const STEP_DIGITS = 8;

const frameFile = (step: number): string => `step-${String(step).padStart(STEP_DIGITS, "0")}.png`;

/**
 * `film/`: one 8-bit PNG a frame, and of the noisy and the clean images, with the pictures side by side, and `film.json` with
 * their figures. Read back exactly by `readFilmFiles`.
 */
export function* filmFiles({ images, frames }: Film): Generator<{
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}> {
  const { count, side, sourceSide, indices, noisyPsnrDb, noisySsim } = images;
  const json = {
    schemaVersion: SCHEMA_VERSION,
    pictures: { count, side, sourceSide, indices, noisyPsnrDb, noisySsim },
    frames: frames.map(({ step, epoch, validationLoss, psnrDb, ssim }) => ({
      file: frameFile(step),
      step,
      epoch,
      validationLoss,
      psnrDb,
      ssim,
    })),
  };
  yield { path: FILM_INDEX, bytes: new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`) };
  const png = (pixels: Uint8Array) => encodePng8(count * side, side, sideBySide(pixels, count, side));
  yield { path: "film/noisy.png", bytes: png(images.noisy) };
  yield { path: "film/clean.png", bytes: png(images.clean) };
  for (const { step, denoised } of frames) yield { path: `film/${frameFile(step)}`, bytes: png(denoised) };
}

/** [count, side, side] → [side, count · side]. */
function sideBySide(pixels: Uint8Array, count: number, side: number): Uint8Array<ArrayBuffer> {
  const row = count * side;
  const out = new Uint8Array(pixels.length);
  for (let image = 0; image < count; image++)
    for (let y = 0; y < side; y++) {
      const from = (image * side + y) * side;
      out.set(pixels.subarray(from, from + side), y * row + image * side);
    }
  return out;
}

/** [side, count · side] → [count, side, side]. */
function stacked(pixels: Uint8Array, count: number, side: number): Uint8Array<ArrayBuffer> {
  const row = count * side;
  const out = new Uint8Array(pixels.length);
  for (let image = 0; image < count; image++)
    for (let y = 0; y < side; y++) {
      const from = y * row + image * side;
      out.set(pixels.subarray(from, from + side), (image * side + y) * side);
    }
  return out;
}

/** JSON has no NaN and no infinity (the PSNR of equal images): they come back as NaN. */
const figure = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const whole = z.int().min(0);

/** Unknown fields are dropped: a later minor addition must not make a film unreadable. */
const filmSchema = z.object({
  schemaVersion: z.literal(SCHEMA_VERSION),
  pictures: z.object({
    count: z.int().min(1).max(FILM_LIMITS.images),
    side: z.int().min(1).max(FILM_LIMITS.side),
    sourceSide: z.int().min(1),
    indices: z.array(whole),
    noisyPsnrDb: z.array(figure),
    noisySsim: z.array(figure),
  }),
  frames: z
    .array(
      z.object({
        step: whole,
        epoch: whole,
        validationLoss: z.number().nullable(),
        psnrDb: z.array(figure),
        ssim: z.array(figure),
      }),
    )
    .max(FILM_LIMITS.frames),
});

function corrupt(reason: string, cause?: unknown): LabError {
  return new LabError(
    "run/corrupt",
    `The film in these files cannot be read: ${reason}.`,
    "Export the run again where it was trained, or import it without its film folder.",
    { cause },
  );
}

function parsedIndex(text: string): z.infer<typeof filmSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw corrupt("film.json is not JSON", error);
  }
  const parsed = filmSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw corrupt(`film.json, ${issue?.path.join(".") || "as a whole"}: ${issue?.message ?? "unknown"}`);
}

/**
 * The film of an export; `bytesOf` gives a file of the result folder, or null. Null without `film.json` (a film is no part
 * of older files). Fails with `run/corrupt` when a picture is missing or is not what the index says.
 */
export async function readFilmFiles(
  bytesOf: (path: string) => Promise<Uint8Array | null>,
): Promise<Film | null> {
  const index = await bytesOf(FILM_INDEX);
  if (!index) return null;
  const { pictures, frames } = parsedIndex(new TextDecoder().decode(index));
  const { count, side } = pictures;
  const figures = [pictures.indices, pictures.noisyPsnrDb, pictures.noisySsim];
  for (const { psnrDb, ssim } of frames) figures.push(psnrDb, ssim);
  if (figures.some(({ length }) => length !== count))
    throw corrupt(`film.json does not have ${count} figures for ${count} pictures everywhere`);
  const picture = async (file: string): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await bytesOf(`film/${file}`);
    if (!bytes) throw corrupt(`${file} is missing`);
    let image: Awaited<ReturnType<typeof decodePng>>;
    try {
      image = await decodePng(bytes, file);
    } catch (error) {
      throw corrupt(`${file} is no whole PNG`, error);
    }
    if (image.width !== count * side || image.height !== side)
      throw corrupt(`${file} is ${image.width}×${image.height}, not ${count * side}×${side}`);
    return stacked(toGrey8(image), count, side);
  };
  const images: FilmImages = {
    ...pictures,
    noisy: await picture("noisy.png"),
    clean: await picture("clean.png"),
  };
  const read: FilmFrame[] = [];
  for (const frame of frames) read.push({ ...frame, denoised: await picture(frameFile(frame.step)) });
  return { images, frames: read.sort((a, b) => a.step - b.step) };
}
