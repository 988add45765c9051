import { formatCount } from "./format";

/** (1, "image") → "1 image"; (14999, "image") → "14,999 images". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
