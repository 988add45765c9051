import type { DenoiseRequest, DenoiseResult, GreyImage } from "@/contracts/workers";
import { denoiseImage } from "@/evaluation/denoise";
import { decodeImage, fileTooLarge, MAX_FILE_BYTES } from "@/imaging/decode";
import { toGreyUnit } from "@/imaging/grey";
import { psnrDb, ssim } from "@/imaging/metrics";
import { addNoiseToUnit } from "@/imaging/noise";
import type { Denoiser } from "./denoiser";

/** The window of SSIM is 3×3. */
const MIN_SSIM_SIDE = 3;

/**
 * Denoises an image file of any size. With added noise, PSNR and SSIM compare what went in and what comes out (clamped,
 * as it is returned) with the file's own pixels. Failures: those of decoding and of the model; `run/cancelled`.
 */
export async function denoiseFile(
  denoiser: Denoiser,
  request: DenoiseRequest,
  onProgress: (progress: { readonly tilesDone: number; readonly tiles: number }) => void,
  shouldStop: () => boolean,
): Promise<DenoiseResult> {
  const start = performance.now();
  const { file, modelId, addNoise } = request;
  if (file.size > MAX_FILE_BYTES) throw fileTooLarge(file.name, file.size);
  const decoded = await decodeImage(new Uint8Array(await file.arrayBuffer()), file.name);
  const { width, height } = decoded;
  const original: GreyImage = { width, height, data: toGreyUnit(decoded) };
  const input: GreyImage = addNoise
    ? {
        width,
        height,
        data: addNoiseToUnit(original.data, addNoise, { seed: addNoise.seed, index: 0, visit: 0 }),
      }
    : original;
  let engine = "";
  const { data, tiles } = await denoiseImage({
    image: input,
    multiple: await denoiser.sideMultiple(modelId),
    infer: async (tile, tileHeight, tileWidth) => {
      const inference = await denoiser.infer(modelId, tile, 1, tileHeight, tileWidth);
      engine = inference.engine;
      return inference.output;
    },
    onProgress: (tilesDone, total) => onProgress({ tilesDone, tiles: total }),
    shouldStop,
  });
  const denoised: GreyImage = {
    width,
    height,
    data: data.map((value) => (value > 0 ? Math.min(value, 1) : 0)),
  };
  const clean = addNoise ? original : null;
  const structured = clean !== null && Math.min(width, height) >= MIN_SSIM_SIDE;
  return {
    name: file.name,
    input,
    denoised,
    clean,
    psnrDb: clean && psnrDb(denoised.data, clean.data),
    ssim: structured ? ssim(denoised.data, clean.data, width, height) : null,
    inputPsnrDb: clean && psnrDb(input.data, clean.data),
    inputSsim: structured ? ssim(input.data, clean.data, width, height) : null,
    tiles,
    engine,
    seconds: (performance.now() - start) / 1000,
  };
}
