/** PSNR in words; equal images have no error, hence no finite PSNR. */
export function psnrText(psnrDb: number): string {
  return Number.isFinite(psnrDb) ? `${psnrDb.toFixed(2)} dB` : "∞ dB (equal)";
}

/** A difference of PSNRs with its sign: `+4.21 dB`. */
export function gainText(fromDb: number, toDb: number): string {
  const gain = toDb - fromDb;
  if (!Number.isFinite(gain)) return "";
  return `${gain < 0 ? "−" : "+"}${Math.abs(gain).toFixed(2)} dB`;
}

/** A share in percent; small ones keep two digits: `0.02 %`, `4.1 %`. */
export function shareText(share: number): string {
  const percent = share * 100;
  if (percent === 0) return "0 %";
  return percent < 0.01 ? "< 0.01 %" : `${percent.toFixed(percent < 1 ? 2 : 1)} %`;
}
