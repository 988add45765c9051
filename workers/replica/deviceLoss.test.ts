import "fake-indexeddb/auto";
import { describe, it } from "vitest";
import { setUpNodeGpu } from "@/engine/webgpu/nodeGpu";
import { checkRecovery } from "./deviceLossChecks";

const missing = await setUpNodeGpu();
if (missing) console.warn(`a lost device in Node: skipped. ${missing}`);

describe.skipIf(missing !== null)("a WebGPU device that is destroyed during a run in Node", () => {
  it("is replaced, and the run ends with the same bits", () => checkRecovery());
});
