/** A value of a table. */
export type Cell = string | number;

/** A table with a header; bars in cells are escaped. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|").replace(/\s+/g, " ")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A number with a typographic minus, or a dash for what is not finite. */
export function fixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits).replace("-", "−") : "–";
}

/** `mean ± ci95`, or the mean alone. */
export function withInterval({ mean, ci95 }: { mean: number; ci95: number | null }, digits: number): string {
  return ci95 !== null && Number.isFinite(ci95)
    ? `${fixed(mean, digits)} ± ${fixed(ci95, digits)}`
    : fixed(mean, digits);
}

/** With its sign, plus included. */
export function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${fixed(Math.abs(value), digits)}`;
}
