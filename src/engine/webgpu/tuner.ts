import type { TuningEntry, TuningReport } from "@/contracts/engineLab";
import { toFailure } from "@/contracts/failure";
import type { TuneSettings } from "../tuning";
import type { Plan } from "./plan";
import { TuningBudget } from "./tuningBudget";
import { isCode, type Problem, Search, type SearchTools } from "./tuningSearch";

export interface TuneRequest extends TuneSettings, SearchTools {
  /** As entries name it. */
  readonly device: string;
}

/** The kernels of a plan that have several variants and are not known, the largest share of its arithmetic first. */
export function problemsOf(plan: Plan, known: ReadonlySet<string>): Problem[] {
  const problems = new Map<string, Problem>();
  for (const [index, { kernel }] of plan.dispatches.entries()) {
    const { label, alternatives, flops } = kernel;
    if (!alternatives || known.has(label)) continue;
    const seen = problems.get(label);
    problems.set(
      label,
      seen ? { ...seen, share: seen.share + flops } : { label, index, flops, share: flops },
    );
  }
  return [...problems.values()].sort((a, b) => b.share - a.share || a.index - b.index);
}

/**
 * Finds the fastest variant of every kernel of a plan on this device, kernel by kernel until the budget ends. What the time did
 * not suffice for is left; only where it did not suffice for the first kernel, the best of what was tried is kept, or
 * the next call would end there too.
 */
export async function tunePlan(request: TuneRequest): Promise<TuningReport> {
  const { device, known, budgetMs, signal, onProgress, onEntry } = request;
  signal?.throwIfAborted();
  const problems = problemsOf(request.planAt(request.images), known);
  const total = problems.length;
  const entries: TuningEntry[] = [];
  const failures: TuningReport["failures"][number][] = [];
  const budget = new TuningBudget(budgetMs, signal);
  let done = 0;
  const tell = (kernel: string): void =>
    onProgress?.({ done, total, kernel, secondsLeft: budget.secondsLeft(done, total) });
  const finish = (search: Search): void => {
    done++;
    const entry = search.entry(device);
    if (entry === null) return;
    entries.push(entry);
    onEntry?.(entry);
  };
  try {
    for (const problem of problems) {
      tell(problem.label);
      const fail = (variant: string, error: unknown): void => {
        failures.push({ kernel: problem.label, variant, failure: toFailure(error) });
      };
      const search = new Search(problem, request, budget, fail);
      try {
        await budget.within(search.run());
      } catch (error) {
        signal?.throwIfAborted();
        if (budget.over) {
          if (done === 0 && search.entry(device)) finish(search);
          break;
        }
        fail(search.trying, error);
        if (isCode(error, "engine/device-lost")) {
          // Kept as far as it came: the same search would lose the device again.
          finish(search);
          break;
        }
        // The default cannot run: there is nothing to compare with, and whatever runs the plan will say so.
      }
      finish(search);
    }
    const last = problems.at(-1);
    if (last && done === total) tell(last.label);
    return { entries, left: total - done, seconds: budget.elapsedMs / 1000, failures };
  } finally {
    budget.end();
  }
}
