import { afterAll, describe, it } from "vitest";
import { webgpuEngine } from "@/engine/webgpu/engine";
import { closeDatabase, DATABASE_NAME } from "@/storage/database";
import { checkRecovery } from "./deviceLossChecks";

const missing = await webgpuEngine.unavailable();
if (missing) console.warn(`a lost device in the browser: skipped. ${missing}`);

afterAll(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

describe.skipIf(missing !== null)("a WebGPU device that is destroyed during a run in the browser", () => {
  it("is replaced, and the run ends with the same bits", () => checkRecovery());
});
