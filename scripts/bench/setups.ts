import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseResultJson } from "@/evaluation/resultJson";
import { setupsTable } from "@/evaluation/setupsTable";
import type { SessionState } from "./session";

/** `setups.md` of a sweep: all its results beside each other and the study's. */
export async function writeSetups({ plan }: SessionState): Promise<void> {
  const results = await Promise.all(
    plan.runs.map(async ({ folder }) =>
      parseResultJson(await readFile(join(plan.out, folder, "result.json"), "utf8")),
    ),
  );
  await writeFile(join(plan.out, "setups.md"), setupsTable(results.map(({ result }) => result)));
}
