import { z } from "zod";
import { LabError, unwrap } from "@/contracts/failure";
import { LPIPS_NETWORKS } from "@/contracts/lpips";
import type { RunRecord } from "@/contracts/run";
import { parseRunConfig } from "@/contracts/runConfig";
import type { RunResult } from "@/contracts/training";

/** Version of `result.json`. */
export const RESULT_SCHEMA_VERSION = 1;

/**
 * `result.json` of the headless contract, less `network`, plus the run's name, what the engine told of its device (`notes`)
 * and, where it ended badly, why.
 * Numbers that are not finite (an interval of one value, say) are null.
 */
export function resultJson(run: RunRecord, result: RunResult): string {
  const { id, name, createdAt, started, failure } = run;
  const json = {
    schemaVersion: RESULT_SCHEMA_VERSION,
    run: { id, name, createdAt },
    ...result,
    notes: started?.notes ?? [],
    ...(failure ? { failure } : {}),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** JSON has no NaN: what was not finite comes back as NaN. */
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const count = z.int().min(0);
const interval = z.object({ mean: number, ci95: number });
// Absent in files of earlier labs and of PyTorch.
const further = {
  mae: interval.optional(),
  ssimGaussian: interval.optional(),
  msSsim: interval.nullable().optional(),
};
const method = z.object({ psnrDb: interval, ssim: interval, lpips: interval.nullable(), ...further });
const adapter = z.object({
  vendor: z.string(),
  architecture: z.string(),
  device: z.string(),
  description: z.string(),
  isFallbackAdapter: z.boolean(),
});
const failureSchema = z.object({
  code: z.templateLiteral([
    z.enum([
      "config",
      "data",
      "decode",
      "shape",
      "weights",
      "storage",
      "engine",
      "training",
      "run",
      "bench",
      "internal",
    ]),
    "/",
    z.string(),
  ]),
  message: z.string(),
  remedy: z.string(),
});

const lpips = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    value: z.object({ network: z.enum(LPIPS_NETWORKS), engine: z.string(), seconds: number }),
  }),
  z.object({ ok: z.literal(false), failure: failureSchema }),
]);

/** Unknown fields are dropped: a later minor addition must not make a file unreadable. */
const resultSchema = z.object({
  schemaVersion: z.literal(RESULT_SCHEMA_VERSION),
  run: z
    .object({ id: z.string().min(1).max(200), name: z.string().min(1).max(200), createdAt: z.number() })
    .optional(),
  config: z.unknown(),
  environment: z.object({
    adapter: adapter.nullable(),
    features: z.array(z.string()),
    limits: z.record(z.string(), z.number()),
    userAgent: z.string(),
    cores: z.number(),
    commit: z.string(),
  }),
  model: z.object({ parameters: count, forwardGflopsPerImage: number }),
  dataset: z.object({
    images: count,
    patients: count,
    train: count,
    validation: count,
    test: count,
    synthetic: z.boolean(),
    fingerprint: z.string(),
  }),
  engine: z.object({ name: z.string(), timingsMs: z.record(z.string(), number) }),
  timing: z.object({
    trainSeconds: number,
    validationSeconds: number,
    trainImagesPerSecond: number,
    stepMsMedian: number,
    stepMsP95: number,
    achievedGflops: number,
  }),
  memory: z.object({ deviceBytesPeak: number }),
  epochs: z.array(
    z.object({
      epoch: count,
      step: count,
      trainLoss: number,
      validationLoss: number,
      validationPsnrDb: number,
      validationSsim: number,
      seconds: number,
      validationSeconds: number,
    }),
  ),
  best: z.object({ epoch: count, validationLoss: number }),
  test: z.object({ count, noisy: method, denoised: method, lpips: lpips.optional() }).nullable(),
  // Absent where no method was compared.
  methods: z
    .array(
      z.object({
        name: z.string(),
        title: z.string(),
        psnrDb: interval,
        ssim: interval,
        lpips: interval.nullable().optional(),
        ...further,
        seconds: number,
        versusNetwork: z.object({
          differenceDb: z.object({ mean: number, low: number, high: number }),
          wilcoxonP: number,
          tP: number,
          holmP: number,
          cohensD: number,
          rankBiserial: number,
        }),
      }),
    )
    .optional(),
  replicas: z.array(
    z.object({
      adapter: z.string(),
      shared: z.boolean(),
      images: count,
      computeMs: number,
      exchangeMs: number,
      lost: z.string().nullable().optional(),
    }),
  ),
  // Absent in files of labs that did not go on by themselves.
  recoveries: z
    .array(
      z.object({
        step: count,
        checkpointStep: count,
        reason: z.string(),
        atMs: z.number(),
        replica: count.optional(),
      }),
    )
    .default([]),
  // Absent in files of labs before it was kept.
  notes: z.array(z.string()).default([]),
  complete: z.boolean(),
  failure: failureSchema.optional(),
});

export interface ParsedResult {
  /** Null in a file that another tool wrote without it. */
  readonly identity: { readonly id: string; readonly name: string; readonly createdAt: number } | null;
  readonly result: RunResult;
  /** What the engine told of its device, a sentence each. */
  readonly notes: readonly string[];
  readonly failure: RunRecord["failure"];
}

/**
 * Reads a `result.json`. Failures: `run/newer` (written by a newer lab), `run/corrupt` (names the field), and those of
 * the config in it.
 */
export function parseResultJson(text: string): ParsedResult {
  const corrupt = (what: string): LabError =>
    new LabError(
      "run/corrupt",
      `result.json cannot be read: ${what}.`,
      "Export the run again where it was trained.",
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw corrupt("it is not JSON, or was cut off");
  }
  if (typeof json !== "object" || json === null || !("schemaVersion" in json))
    throw corrupt("it has no schemaVersion");
  if (typeof json.schemaVersion === "number" && json.schemaVersion > RESULT_SCHEMA_VERSION)
    throw new LabError(
      "run/newer",
      `This run has schema version ${json.schemaVersion}; this lab reads up to ${RESULT_SCHEMA_VERSION}.`,
      "Open it with a newer version of the lab.",
    );
  const parsed = resultSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw corrupt(`${issue?.path.join(".") || "a field"} is ${issue?.message.toLowerCase() ?? "not valid"}`);
  }
  const { schemaVersion: _, run, config, notes, failure, methods, ...rest } = parsed.data;
  return {
    identity: run ?? null,
    result: { ...rest, ...(methods && { methods }), config: unwrap(parseRunConfig(config)) },
    notes,
    failure: failure ?? null,
  };
}
