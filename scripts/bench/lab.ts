import { setTimeout as sleep } from "node:timers/promises";
import type { AutomationStatus, LabAutomation } from "@/app/automation";
import { LabError } from "@/contracts/failure";
import type { LabPage } from "./browser";
import { ProgressPrinter, progressLine } from "./progress";

export const POLL_MS = 500;

/** Thrown to end in order after Ctrl+C. */
export class Interrupted extends Error {}

const BAD_INPUT = /^(bench\/(options|output|resume)$|config\/|data\/|decode\/|shape\/|weights\/)/;

/** The caller can mend it by other options or data. */
export const isBadInput = (error: unknown): boolean =>
  error instanceof LabError && BAD_INPUT.test(error.failure.code);

/** What drives a session: told by its caller. */
export interface DriveOptions {
  readonly browserArguments: readonly string[];
  readonly headed: boolean;
  readonly interrupted: () => boolean;
  /** Called with the path of each `result.json`. */
  readonly onResult: (path: string) => void;
}

/** Adds to a line of progress where the whole sweep stands. */
export type Decorate = (line: string, status: AutomationStatus) => string;

type Method =
  | "importImages"
  | "loadLpips"
  | "loadDncnn"
  | "startRun"
  | "resumeRun"
  | "compareMethods"
  | "deleteRun"
  | "exportRun";

/** A method of `window.denoiseLab`, called in the page. */
export function call<K extends Method>(
  lab: LabPage,
  method: K,
  ...args: Parameters<LabAutomation[K]>
): ReturnType<LabAutomation[K]> {
  return lab.page.evaluate(
    ({ method, args }) => {
      const automation = window.denoiseLab as unknown as Record<string, (...args: unknown[]) => unknown>;
      return (automation[method] as (...args: unknown[]) => unknown)(...args);
    },
    { method, args },
  ) as ReturnType<LabAutomation[K]>;
}

function show(printer: ProgressPrinter, status: AutomationStatus, decorate: Decorate): void {
  const line = progressLine(status);
  printer.show(line === null ? null : decorate(line, status));
}

/** Waits for `work` while it prints progress. */
export async function following<T>(
  lab: LabPage,
  work: Promise<T>,
  { interrupted }: DriveOptions,
  decorate: Decorate,
): Promise<T> {
  const printer = new ProgressPrinter();
  let running = true;
  const finished = work.finally(() => {
    running = false;
  });
  // The caller sees a rejection through `finished`; here it only ends the loop.
  finished.catch(() => undefined);
  while (running) {
    if (interrupted()) throw new Interrupted();
    show(printer, await lab.status(), decorate);
    await Promise.race([finished.catch(() => undefined), sleep(POLL_MS)]);
  }
  printer.end();
  return finished;
}

/** Prints the progress of the run in work until it ends. */
export async function untilEnd(
  lab: LabPage,
  { interrupted }: DriveOptions,
  decorate: Decorate,
): Promise<NonNullable<AutomationStatus["outcome"]>> {
  const printer = new ProgressPrinter();
  for (;;) {
    if (interrupted()) throw new Interrupted();
    const status = await lab.status();
    show(printer, status, decorate);
    if (status.outcome) {
      printer.end();
      return status.outcome;
    }
    await sleep(POLL_MS);
  }
}
