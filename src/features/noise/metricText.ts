/** Keeps a number and its unit on one line. */
const NO_BREAK = "\u00a0";

/** PSNR in words; equal images have no error, hence no finite PSNR. */
export function psnrText(psnrDb: number): string {
  return Number.isFinite(psnrDb) ? `${psnrDb.toFixed(2)}${NO_BREAK}dB` : `∞${NO_BREAK}dB (equal)`;
}

/** A difference of PSNRs with its sign: `+4.21 dB`. */
export function gainText(fromDb: number, toDb: number): string {
  const gain = toDb - fromDb;
  if (!Number.isFinite(gain)) return "";
  return `${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(2)}${NO_BREAK}dB`;
}

/** A share in percent; small ones keep two digits: `0.02 %`, `4.1 %`. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent === 0) return "0 %";
  return percent < 0.01 ? "< 0.01 %" : `${percent.toFixed(percent < 1 ? 2 : 1)} %`;
}

/** Both figures of an image; `gain` is put behind the PSNR where there is one. */
export function figuresText(psnrDb: number, ssim: number, gain = ""): string {
  return `PSNR${NO_BREAK}${psnrText(psnrDb)}${gain && ` (${gain})`}, SSIM${NO_BREAK}${ssim.toFixed(3)}`;
}
