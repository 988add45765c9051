import { expect, it } from "vitest";
import { configFromQuery } from "@/contracts/runConfig";
import { trainAddress } from "./trainAddress";

it("the run config reads the dataset and the size from the address", () => {
  const query = trainAddress({ id: "a1-b2", size: 128 }).split("?")[1] ?? "";
  const outcome = configFromQuery(query);
  if (!outcome.ok) throw new Error(outcome.failure.message);
  expect(outcome.value.data).toMatchObject({ source: "dataset:a1-b2", size: 128 });
});
