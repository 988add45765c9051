import type { StudyReport } from "@/contracts/studyReport";

/** `report.json`: the report as it is. Its pictures are files of their own. */
export function reportJson(report: StudyReport): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
