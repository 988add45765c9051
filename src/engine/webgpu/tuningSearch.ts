import type { TuningEntry } from "@/contracts/engineLab";
import { LabError } from "@/contracts/failure";
import type { Kernel, Variant } from "./kernels/kernel";
import type { Plan, PlannedDispatch } from "./plan";
import type { TuningBudget } from "./tuningBudget";

/** A way to compute a problem, compiled and bound. */
export interface Candidate {
  /** What a dispatch takes in ms, from parts of it that are over soon; where it is over `limitMs`, roughly. */
  estimateMs(limitMs: number): Promise<number>;
  /**
   * Computes once from inputs as at first. `deviation`: the largest difference from what the bench's first candidate computed,
   * relative to its largest value; infinite where numbers are finite in one of them only.
   */
  compute(): Promise<{ readonly ms: number; readonly deviation: number }>;
  /** ms of a dispatch, the second pass of partial sums included: the median of a few runs behind a warm-up. */
  timeMs(): Promise<number>;
  free(): void;
}

/** A problem's memory on the device, filled once for all candidates. */
export interface Bench {
  /** Uncertainty of `compute`'s time. */
  readonly resolutionMs: number;
  /** Throws `engine/kernel`, `engine/limits`, `engine/out-of-memory`. */
  prepare(kernel: Kernel): Promise<Candidate>;
  free(): void;
}

/** A kernel of a plan with several variants. */
export interface Problem {
  readonly label: string;
  /** Its first dispatch. */
  readonly index: number;
  readonly flops: number;
  /** Arithmetic of all its dispatches. */
  readonly share: number;
}

/** What a search works with. */
export interface SearchTools {
  readonly images: number;
  /** The plan at a number of images, with default variants: the same dispatches in the same order at any. */
  readonly planAt: (images: number) => Plan;
  /** Throws `engine/out-of-memory`. */
  readonly openBench: (dispatch: PlannedDispatch, plan: Plan) => Promise<Bench>;
}

/** A default that takes longer is tried with fewer images: a variant several times slower must still end in time. */
const EASY_MS = 250;
/** No dispatch longer than this is run: drivers take a device for hung after 2 s. */
const LONGEST_MS = 1000;
/** A variant whose first run takes this many times the best so far has lost. */
const HOPELESS = 3;
/** What a variant must gain over the default, in parts of its time: less is within the noise of the clock. */
const WORTHWHILE = 0.03;
/** float32 sums of up to a million terms in another order, relative to the largest result; a wrong result is off by more than 1e-2. */
const FLOAT_RTOL = 2e-4;
/** Matrix units take halves: weights and normalised values rounded to 2⁻¹¹ = 4.9e-4, and results stored in halves once more. */
const HALF_RTOL = 4e-3;

/** The search for the fastest variant of one problem. Readable at any time: it may be cut off. */
export class Search {
  readonly problem: Problem;
  /** The variant at work. */
  trying = "";
  private readonly tools: SearchTools;
  private readonly budget: TuningBudget;
  private readonly fail: (variant: string, error: unknown) => void;
  private standard: { readonly variant: string; readonly ms: number } | null = null;
  private best: { readonly variant: string; readonly ms: number } | null = null;

  /** `fail` is told of every variant that cannot be used. */
  constructor(
    problem: Problem,
    tools: SearchTools,
    budget: TuningBudget,
    fail: (variant: string, error: unknown) => void,
  ) {
    this.problem = problem;
    this.tools = tools;
    this.budget = budget;
    this.fail = fail;
  }

  /** All variants, at fewer images where the default takes too long or too much memory. Throws what the default fails with. */
  async run(): Promise<void> {
    let images: number | null = this.tools.images;
    while (images !== null) images = await this.at(images);
  }

  /** The choice so far; null before the default was timed. */
  entry(device: string): TuningEntry | null {
    const { standard, best, problem } = this;
    if (standard === null) return null;
    const isFaster = best !== null && best.ms <= (1 - WORTHWHILE) * standard.ms;
    return {
      device,
      kernel: problem.label,
      ...(isFaster ? best : standard),
      defaultVariant: standard.variant,
      defaultMs: standard.ms,
      measuredAtMs: Date.now(),
    };
  }

  /** The number of images to try instead; null when the search is over. */
  private async at(images: number): Promise<number | null> {
    const { tools, budget, problem } = this;
    const plan = tools.planAt(images);
    const dispatch = plan.dispatches[problem.index];
    const [first, ...others] = dispatch?.kernel.alternatives ?? [];
    if (!dispatch || !first) return null;
    this.trying = first.name;
    const scale = problem.flops / dispatch.kernel.flops;
    const trial = budget.beginTrial();
    const opened: { free(): void }[] = [];
    try {
      const bench = await tools.openBench(dispatch, plan);
      opened.unshift(bench);
      budget.check();
      const standard = await bench.prepare(first.build());
      opened.unshift(standard);
      budget.check();
      const estimate = await standard.estimateMs(EASY_MS);
      if (estimate > EASY_MS && images > 1)
        return Math.max(1, Math.min(images - 1, Math.floor((images * EASY_MS) / estimate)));
      this.standard = { variant: first.name, ms: estimate * scale };
      // Even one image takes too long: the default stays.
      if (estimate > EASY_MS) return null;
      budget.check();
      await standard.compute();
      budget.check();
      this.standard = { variant: first.name, ms: scale * (await standard.timeMs()) };
      trial.end();
      for (const variant of others) await this.challenge(variant, bench, standard, scale);
      return null;
    } catch (error) {
      if (images > 1 && this.standard === null && isCode(error, "engine/out-of-memory"))
        return Math.ceil(images / 2);
      throw error;
    } finally {
      for (const each of opened) each.free();
    }
  }

  private async challenge(variant: Variant, bench: Bench, standard: Candidate, scale: number): Promise<void> {
    const trial = this.budget.beginTrial();
    this.trying = variant.name;
    try {
      const kernel = variant.build();
      const candidate = await bench.prepare(kernel);
      try {
        this.budget.check();
        await this.measure(candidate, kernel, bench, standard, scale);
      } finally {
        candidate.free();
      }
    } catch (error) {
      this.budget.check();
      if (isCode(error, "engine/device-lost")) throw error;
      this.fail(variant.name, error);
    }
    trial.end();
  }

  /** Throws `engine/wrong-result` for a variant that computes something else than the default. */
  private async measure(
    candidate: Candidate,
    kernel: Kernel,
    bench: Bench,
    standard: Candidate,
    scale: number,
  ): Promise<void> {
    const { budget, trying } = this;
    if ((await candidate.estimateMs(LONGEST_MS)) > LONGEST_MS) return;
    budget.check();
    const { ms: firstMs, deviation } = await candidate.compute();
    const tolerance = kernel.bindings.some(holdsHalves) ? HALF_RTOL : FLOAT_RTOL;
    if (!(deviation <= tolerance)) throw wrongResult(kernel.label, trying, deviation, tolerance);
    const bestMs = (this.best ?? this.standard)?.ms ?? Number.POSITIVE_INFINITY;
    if (scale * firstMs > HOPELESS * bestMs + scale * bench.resolutionMs) return;
    budget.check();
    const ms = scale * (await candidate.timeMs());
    if (ms >= bestMs || this.standard === null) return;
    // Beside it the default once more: a clock that has risen since, or a load that has gone, must not decide.
    budget.check();
    const defaultMs = Math.min(this.standard.ms, scale * (await standard.timeMs()));
    this.standard = { ...this.standard, ms: defaultMs };
    this.best = { variant: trying, ms };
  }
}

/** Whether a binding's words are halves: see `FeatureAccess`. */
export function holdsHalves({ element }: Kernel["bindings"][number]): boolean {
  return !/f32|vec4f/.test(element);
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof LabError && error.failure.code === code;
}

function wrongResult(label: string, variant: string, deviation: number, tolerance: number): LabError {
  return new LabError(
    "engine/wrong-result",
    `${label} as ${variant} differs from the default by ${deviation.toExponential(1)} of the largest value, over ${tolerance}.`,
    "It is not used on this device; report this message.",
  );
}
