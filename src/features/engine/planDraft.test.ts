import { describe, expect, it } from "vitest";
import { configToQuery, DEFAULT_CONFIG } from "@/contracts/runConfig";
import { draftFromQuery, draftOf, draftToQuery, FIRST_DRAFT, type PlanDraft, requestOf } from "./planDraft";

const CHOSEN: PlanDraft = draftOf({
  model: { name: "unetpp", width: 16, norm: "both" },
  size: 128,
  images: 3,
  precision: "mixed",
  pass: "inference",
});

describe("the choice in the address", () => {
  it.each([CHOSEN, FIRST_DRAFT, { config: DEFAULT_CONFIG, pass: "training" } as const])(
    "comes back as it was written (%#)",
    (draft) => expect(draftFromQuery(draftToQuery(draft))).toEqual({ draft, refused: null }),
  );

  it("may be a run's own address", () => {
    expect(draftFromQuery(configToQuery(CHOSEN.config))?.draft).toEqual({ ...CHOSEN, pass: "training" });
  });

  it("is absent in an empty query and in one of other things", () => {
    expect(draftFromQuery("")).toBeNull();
    expect(draftFromQuery("demo=off")).toBeNull();
  });

  it.each([
    ["data.size=100", "shape/size"],
    ["model.width=0", "config/invalid"],
    ["pass=sideways", "config/invalid"],
  ])("%s is refused with %s, and the first choice stands in", (query, code) => {
    const read = draftFromQuery(query);
    expect(read?.draft).toEqual(FIRST_DRAFT);
    expect(read?.refused?.code).toBe(code);
  });
});

it("a request and its draft say the same", () => {
  expect(requestOf(CHOSEN)).toEqual({
    model: { name: "unetpp", width: 16, norm: "both" },
    size: 128,
    images: 3,
    precision: "mixed",
    pass: "inference",
  });
  expect(draftOf(requestOf(FIRST_DRAFT))).toEqual(FIRST_DRAFT);
});
