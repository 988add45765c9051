import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import { spyOn } from "@vitest/spy";
import * as chai from "chai";

/** Vitest's `expect` without its runner, for the engine's checks outside of tests: stands in for `vitest` in the pack. */
chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

export const expect = chai.expect;
export const vi = { spyOn };
