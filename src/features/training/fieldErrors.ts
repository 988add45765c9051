import { type RunConfig, runConfigSchema } from "@/contracts/runConfig";

/** One sentence a field, by dotted path (`training.batchSize`); empty when the config can run. */
export type FieldErrors = Readonly<Record<string, string>>;

const SPLIT_TOLERANCE = 1e-6;

type Issue = NonNullable<ReturnType<typeof runConfigSchema.safeParse>["error"]>["issues"][number];

function wordsFor(issue: Issue): string {
  switch (issue.code) {
    case "too_small":
      return issue.inclusive === false ? `More than ${issue.minimum}.` : `At least ${issue.minimum}.`;
    case "too_big":
      return issue.inclusive === false ? `Less than ${issue.maximum}.` : `At most ${issue.maximum}.`;
    case "not_multiple_of":
      return `A multiple of ${issue.divisor}: the networks halve an image four times.`;
    case "invalid_type":
      return issue.expected === "int" ? "A whole number." : "Enter a number.";
    default:
      return "This value is not possible.";
  }
}

/**
 * What keeps a draft from running, each problem at its field. Drafts hold NaN where a number field is empty. More than
 * `parseRunConfig` asks: the images must be chosen, too.
 */
export function fieldErrors(draft: RunConfig): FieldErrors {
  const errors: Record<string, string> = {};
  for (const issue of runConfigSchema.safeParse(draft).error?.issues ?? []) {
    const path = issue.path.slice(0, 2).join(".");
    errors[path] ??= wordsFor(issue);
  }
  const total = draft.data.split.reduce((sum, part) => sum + part, 0);
  if (!errors["data.split"] && !(Math.abs(total - 1) <= SPLIT_TOLERANCE))
    errors["data.split"] = `The parts add up to ${Number(total.toFixed(4))}; they must make 1.`;
  if (draft.data.source === "any") errors["data.source"] = "Choose the images to train on.";
  return errors;
}
