import type { PlanRequest } from "@/contracts/engineLab";
import type { Failure } from "@/contracts/failure";
import { configFromQuery, configToQuery, DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";

/**
 * The choice of a plan: a run config, of which network, size, batch and precision count, and the pass. So a run's address
 * (`/train?…`) and this screen's take the same fields.
 */
export interface PlanDraft {
  /** Number fields hold NaN while they are empty. */
  readonly config: RunConfig;
  readonly pass: PlanRequest["pass"];
}

/** Without a choice in the address: what any adapter plans and measures in seconds. */
export const FIRST_DRAFT: PlanDraft = {
  config: {
    ...DEFAULT_CONFIG,
    data: { ...DEFAULT_CONFIG.data, size: 64 },
    model: { ...DEFAULT_CONFIG.model, width: 8 },
    training: { ...DEFAULT_CONFIG.training, batchSize: 4 },
  },
  pass: "training",
};

export interface ReadDraft {
  readonly draft: PlanDraft;
  /** Why the address was not read, if it was not. */
  readonly refused: Failure | null;
}

/** The choice that an address makes; null where it makes none. */
export function draftFromQuery(query: string): ReadDraft | null {
  const parameters = new URLSearchParams(query);
  const pass = parameters.get("pass");
  if (pass === null && ![...parameters.keys()].some((path) => (path.split(".")[0] ?? "") in DEFAULT_CONFIG))
    return null;
  const outcome = configFromQuery(query);
  if (!outcome.ok) return { draft: FIRST_DRAFT, refused: outcome.failure };
  if (pass !== null && pass !== "training" && pass !== "inference")
    return {
      draft: FIRST_DRAFT,
      refused: {
        code: "config/invalid",
        message: `pass is "${pass}"; it must be one of training, inference.`,
        remedy: "Correct the address, or choose the pass here.",
      },
    };
  return { draft: { config: outcome.value, pass: pass ?? "training" }, refused: null };
}

/** The choice as a query string; the pass is always in it, so that it is never empty. */
export function draftToQuery({ config, pass }: PlanDraft): string {
  const query = new URLSearchParams(configToQuery(config));
  query.set("pass", pass);
  return query.toString();
}

export function requestOf({ config, pass }: PlanDraft): PlanRequest {
  const { name, width, norm } = config.model;
  return {
    model: { name, width, norm },
    size: config.data.size,
    images: config.training.batchSize,
    precision: config.engine.precision,
    pass,
  };
}

/** The choice that leads to a request, for coming back to what is shown. */
export function draftOf({ model, size, images, precision, pass }: PlanRequest): PlanDraft {
  return {
    config: {
      ...DEFAULT_CONFIG,
      model,
      data: { ...DEFAULT_CONFIG.data, size },
      training: { ...DEFAULT_CONFIG.training, batchSize: images },
      engine: { ...DEFAULT_CONFIG.engine, precision },
    },
    pass,
  };
}
