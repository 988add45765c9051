/** Numbers for people. Every function says "–" for what is not known. */
const UNKNOWN = "–";
const known = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

/** 31036481 → "31,036,481". */
export function formatCount(value: number | null | undefined): string {
  return known(value) ? Math.round(value).toLocaleString("en-US") : UNKNOWN;
}

/** Fixed decimals: (31.2345, 2) → "31.23", (-0.5, 1) → "−0.5" with a minus sign, not a hyphen. */
export function formatFixed(value: number | null | undefined, digits: number): string {
  return known(value) ? value.toFixed(digits).replace("-", "−") : UNKNOWN;
}

/** Three significant digits without exponents for everyday sizes: 0.012345 → "0.0123", 1234.5 → "1,235", 2e-7 → "2.00e-7". */
export function formatShort(value: number | null | undefined): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4 || size >= 1e9) return value.toExponential(2);
  if (size >= 999.5) return formatCount(value);
  return value.toPrecision(3);
}

/** Seconds as "8 s", "2 min 5 s", "1 h 4 min", "3 d 2 h". */
export function formatSeconds(seconds: number | null | undefined): string {
  if (!known(seconds)) return UNKNOWN;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), "d", hours % 24, "h");
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** Milliseconds as "0.42 ms", "420 ms", "4.20 s". */
export function formatMs(ms: number | null | undefined): string {
  if (!known(ms)) return UNKNOWN;
  return ms >= 999.5
    ? `${(ms / 1000).toPrecision(3)} s`
    : `${ms >= 9.95 ? ms.toFixed(0) : ms.toPrecision(2)} ms`;
}

/** Bytes in powers of 1000: "812 B", "1.2 kB", "34 MB", "1.25 GB". */
export function formatBytes(bytes: number | null | undefined): string {
  if (!known(bytes)) return UNKNOWN;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Floating-point operations in powers of 1000: "812 MFLOP", "12.3 GFLOP". */
export function formatFlops(flops: number | null | undefined): string {
  if (!known(flops)) return UNKNOWN;
  const units = ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"];
  let value = flops;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? formatCount(value) : formatShort(value)} ${units[unit]}`;
}

/** Share in [0, 1] → "34 %". */
export function formatPercent(share: number | null | undefined): string {
  return known(share) ? `${Math.round(share * 100)} %` : UNKNOWN;
}

/** A moment as "23 Nov 2026, 14:05" in the reader's time zone. */
export function formatTime(ms: number): string {
  return new Date(ms).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** How long ago, for lists: "just now", "5 min ago", "3 h ago", then the date. */
export function formatAgo(ms: number, now: number): string {
  const seconds = (now - ms) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return formatTime(ms);
}
