import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setupsMarkdown } from "@/evaluation/study/setupsMarkdown";
import { readStudyRun } from "../study/folder";
import type { SessionState } from "./session";

/** `setups.md` of a sweep: all its results beside each other and the study's. */
export async function writeSetups({ plan }: SessionState): Promise<void> {
  const runs = await Promise.all(plan.runs.map(({ folder }) => readStudyRun(join(plan.out, folder), folder)));
  await writeFile(join(plan.out, "setups.md"), setupsMarkdown(runs, Date.now()));
}
