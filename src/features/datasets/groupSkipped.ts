import type { SkippedFile } from "@/contracts/workers";

export interface SkippedGroup {
  readonly code: string;
  /** The remedy of the group's first file: files with the same code share it. */
  readonly remedy: string;
  readonly files: readonly SkippedFile[];
}

/** Skipped files by the code of their failure, the largest group first; files keep their order. */
export function groupSkipped(skipped: readonly SkippedFile[]): SkippedGroup[] {
  const groups = new Map<string, SkippedFile[]>();
  for (const file of skipped) {
    const group = groups.get(file.failure.code);
    if (group) group.push(file);
    else groups.set(file.failure.code, [file]);
  }
  return [...groups]
    .map(([code, files]) => ({ code, remedy: files[0]?.failure.remedy ?? "", files }))
    .sort((a, b) => b.files.length - a.files.length || a.code.localeCompare(b.code));
}

/** The reason in a code, in words: `decode/not-an-image` → `not an image`. */
export function reasonOf(code: string): string {
  return code.slice(code.indexOf("/") + 1).replaceAll("-", " ");
}
