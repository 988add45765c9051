import { LabError, toFailure } from "@/contracts/failure";
import { ensureChromium } from "../ensure.mjs";
import { freePort } from "../serve.mjs";
import { drive } from "./drive";
import { Interrupted, isBadInput } from "./lab";
import type { BenchCommand } from "./options";
import { createSession, endSession, loadSession, type SessionState } from "./session";

/** A headless command from its arguments to its exit code (docs/headless.md). `name`: as in `npm run NAME`. */
export async function runCommand(
  name: string,
  help: string,
  parse: (args: readonly string[], now: Date) => BenchCommand,
): Promise<number> {
  let interrupted = false;
  process.on("SIGINT", () => {
    interrupted = true;
  });
  let resumeHint = "";
  let started: SessionState | null = null;
  let results = 0;
  try {
    const command = parse(process.argv.slice(2), new Date());
    if (command.kind === "help") {
      console.log(help);
      return 0;
    }
    await ensureChromium();
    const session =
      command.kind === "resume" ? loadSession(command.out) : createSession(command.plan, await freePort());
    if (command.kind === "run") started = session;
    const { browserArguments, headed } = command.kind === "resume" ? command : command.plan;
    resumeHint = `Resume with: npm run ${name} -- --resume ${session.plan.out}`;
    await drive(session, {
      browserArguments,
      headed,
      interrupted: () => interrupted,
      onResult: (path) => {
        results++;
        console.log(path);
      },
    });
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error(resumeHint);
      return 1;
    }
    const failure = error instanceof LabError ? error.failure : toFailure(error);
    console.error(`${failure.code}: ${failure.message} ${failure.remedy}`);
    if (isBadInput(error)) {
      // Nothing was trained: leave no half session behind.
      if (started && results === 0) endSession(started.plan.out);
      return 2;
    }
    if (resumeHint) console.error(resumeHint);
    return 1;
  }
}
