import type { StudyRun } from "@/contracts/studyReport";
import { PAPER_CITATION } from "../paperResults";
import { buildStudyReport } from "./build";
import { tableMarkdown } from "./markdown";

/** `setups.md`: runs that differ in setup and precision, as Tables IV and V, after what was done otherwise than in the study. */
export function setupsMarkdown(runs: readonly StudyRun[], madeAt: number): string {
  if (runs.every(({ result }) => result.test === null)) return "No run has test results.\n";
  const { differences, conditions, tables, leftOut } = buildStudyReport(runs, [], { madeAt });
  const shown = tables.filter(({ id }) => id === "table-4" || id === "table-5");
  const missing = leftOut.filter((sentence) =>
    /^Table V needs|does not count|no test results/.test(sentence),
  );
  return [
    "# Setups and precisions",
    `Beside ${PAPER_CITATION}.`,
    ...[conditions, differences, ...shown].map(tableMarkdown),
    ...missing,
  ]
    .join("\n\n")
    .concat("\n");
}
