/** What the SVG files of a report share. */

export interface Palette {
  readonly background: string;
  readonly ink: string;
  readonly dimmed: string;
  readonly line: string;
  readonly series: readonly string[];
}

export const LIGHT: Palette = {
  background: "#ffffff",
  ink: "#16222b",
  dimmed: "#566975",
  line: "#d9e2e7",
  series: ["#0b7a82", "#c2570c", "#5b4bc4", "#a3266b", "#4d7c0f", "#1d5fbf"],
};

export const DARK: Palette = {
  background: "#131c25",
  ink: "#dde6ec",
  dimmed: "#9aabb7",
  line: "#2e3d49",
  series: ["#2cc4cb", "#f59e4c", "#a99bff", "#f17fb8", "#a3d04d", "#74aef7"],
};

/** For an SVG inside a page that sets these colours. */
export const INHERITED: Palette = {
  background: "var(--surface)",
  ink: "var(--ink)",
  dimmed: "var(--dimmed)",
  line: "var(--line)",
  series: Array.from({ length: 6 }, (_, i) => `var(--series-${i + 1})`),
};

export const FONT = "Inter, 'Segoe UI', system-ui, Roboto, 'Helvetica Neue', Arial, sans-serif";

export function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Coordinates to a hundredth: smaller steps are not seen. */
export const at = (value: number): string => String(Math.round(value * 100) / 100);

export interface TextOptions {
  readonly anchor?: "start" | "middle" | "end";
  readonly size?: number;
  readonly weight?: number;
  readonly fill: string;
}

export function svgText(x: number, y: number, text: string, options: TextOptions): string {
  const { anchor = "start", size = 13, weight = 400, fill } = options;
  return `<text x="${at(x)}" y="${at(y)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${fill}">${escapeXml(text)}</text>`;
}

export function svgDocument(parts: {
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly description: string;
  readonly background: string;
  readonly body: string;
}): string {
  const { id, width, height, title, description, background, body } = parts;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${at(width)} ${at(height)}" width="${at(width)}" height="${at(height)}" role="img" aria-labelledby="${id}-title ${id}-desc" font-family="${FONT}"><title id="${id}-title">${escapeXml(title)}</title><desc id="${id}-desc">${escapeXml(description)}</desc><rect width="100%" height="100%" fill="${background}"/>${body}</svg>`;
}
