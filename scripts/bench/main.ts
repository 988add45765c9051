import { LabError, toFailure } from "@/contracts/failure";
import { ensureChromium } from "../ensure.mjs";
import { freePort } from "../serve.mjs";
import { drive, Interrupted } from "./drive";
import { HELP, parseCommand } from "./options";
import { createSession, endSession, loadSession, type SessionState } from "./session";

/** Failures that the caller can mend by other options or data. */
const BAD_INPUT = /^(bench\/(options|output|resume)$|config\/|data\/|decode\/|shape\/|weights\/)/;

async function main(): Promise<number> {
  let interrupted = false;
  process.on("SIGINT", () => {
    interrupted = true;
  });
  let resumeHint = "";
  let started: SessionState | null = null;
  try {
    const command = parseCommand(process.argv.slice(2), new Date());
    if (command.kind === "help") {
      console.log(HELP);
      return 0;
    }
    await ensureChromium();
    const session =
      command.kind === "resume" ? loadSession(command.out) : createSession(command.plan, await freePort());
    if (command.kind === "run") started = session;
    const { browserArguments, headed } = command.kind === "resume" ? command : command.plan;
    resumeHint = `Resume with: npm run bench -- --resume ${session.plan.out}`;
    await drive(session, {
      browserArguments,
      headed,
      interrupted: () => interrupted,
      onResult: (path) => console.log(path),
    });
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) {
      console.error(resumeHint);
      return 1;
    }
    const failure = error instanceof LabError ? error.failure : toFailure(error);
    console.error(`${failure.code}: ${failure.message} ${failure.remedy}`);
    if (BAD_INPUT.test(failure.code)) {
      // Nothing was trained: leave no half session behind.
      if (started) endSession(started.plan.out);
      return 2;
    }
    if (resumeHint) console.error(resumeHint);
    return 1;
  }
}

process.exit(await main());
