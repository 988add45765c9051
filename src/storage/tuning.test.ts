import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { TuningEntry } from "@/contracts/engineLab";
import { closeDatabase, DATABASE_NAME, openDatabase } from "./database";
import { clearTuning, listTuning, putTuning, tuningOf } from "./tuning";

const entry = (device: string, kernel: string, variant: string): TuningEntry => ({
  device,
  kernel,
  variant,
  ms: 1,
  defaultVariant: "pixel",
  defaultMs: 2,
  measuredAtMs: 3,
});

afterEach(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

describe("tuning", () => {
  it("is kept by device and kernel, the last choice of each", async () => {
    await putTuning(entry("gpu", "conv", "tile"));
    await putTuning(entry("gpu", "conv", "lane"));
    await putTuning(entry("gpu", "upconv", "plain"));
    await putTuning(entry("gpu 2", "conv", "pixel"));
    expect((await tuningOf("gpu")).map(({ kernel, variant }) => [kernel, variant])).toEqual([
      ["conv", "lane"],
      ["upconv", "plain"],
    ]);
    expect(await listTuning()).toHaveLength(3);
    await clearTuning();
    expect(await listTuning()).toEqual([]);
  });

  it("comes to a database of version 3, whose settings stay", async () => {
    const old = await openDB(DATABASE_NAME, 3, {
      upgrade(database) {
        for (const name of ["runs", "models"]) database.createObjectStore(name, { keyPath: "id" });
        database.createObjectStore("settings");
      },
    });
    await old.put("settings", "kept", "key");
    old.close();
    await putTuning(entry("gpu", "conv", "tile"));
    expect(await (await openDatabase()).get("settings", "key")).toBe("kept");
    expect(await listTuning()).toHaveLength(1);
  });
});
