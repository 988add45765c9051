import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { ModelRecord } from "@/contracts/run";
import { closeDatabase, DATABASE_NAME } from "./database";
import {
  deleteModel,
  getModel,
  listModels,
  modelIdsOfRun,
  modelsOfRun,
  modelVersion,
  putModel,
  renameModel,
} from "./models";

const model = (id: string, createdAt: number, runId: string | null): ModelRecord => ({
  id,
  name: `model ${id}`,
  runId,
  kind: runId ? "best" : "imported",
  model: { name: "unet", width: 2, norm: "last" },
  noise: { mean: 0, std: 0.1, draw: "fresh" },
  createdAt,
  bytes: new Uint8Array([1, 2, 3, createdAt]),
});

afterEach(async () => {
  await closeDatabase();
  await new Promise((resolve) => {
    indexedDB.deleteDatabase(DATABASE_NAME).onsuccess = resolve;
  });
});

describe("models", () => {
  it("knows the versions of models that an earlier database holds", async () => {
    const old = await openDB(DATABASE_NAME, 1, {
      upgrade: (database) => {
        database.createObjectStore("models", { keyPath: "id" }).createIndex("byRun", "runId");
        database.createObjectStore("runs", { keyPath: "id" });
      },
    });
    await old.put("models", model("a", 7, null));
    old.close();
    expect(await modelVersion("a")).toBe("7");
    expect(await getModel("a")).toEqual(model("a", 7, null));
  });

  it("has another version when its weights were replaced, but not when it was renamed", async () => {
    await putModel(model("a", 1, null));
    await putModel(model("aa", 9, null));
    const before = await modelVersion("a");
    await renameModel("a", "other");
    expect(await modelVersion("a")).toBe(before);
    await putModel(model("a", 2, null));
    expect(await modelVersion("a")).not.toBe(before);
    await expect(modelVersion("b")).rejects.toThrow("storage/missing");
  });

  it("lists summaries newest first and keeps the bytes out of them", async () => {
    await putModel(model("a", 1, null));
    await putModel(model("b", 2, "run-1"));
    const list = await listModels();
    expect(list.map(({ id }) => id)).toEqual(["b", "a"]);
    expect(list[0]).toMatchObject({ byteLength: 4, runId: "run-1" });
    expect(list[0]).not.toHaveProperty("bytes");
    expect([...(await getModel("a")).bytes]).toEqual([1, 2, 3, 1]);
    expect((await modelsOfRun("run-1")).map(({ id }) => id)).toEqual(["b"]);
    expect(await modelIdsOfRun("run-1")).toEqual(["b"]);
  });

  it("renames and deletes, and says what is missing", async () => {
    await putModel(model("a", 1, null));
    await renameModel("a", "  mine ");
    expect((await getModel("a")).name).toBe("mine");
    await expect(renameModel("a", "  ")).rejects.toMatchObject({ failure: { code: "storage/name" } });
    await expect(renameModel("z", "x")).rejects.toMatchObject({ failure: { code: "storage/missing" } });
    await deleteModel("a");
    await deleteModel("a");
    await expect(getModel("a")).rejects.toMatchObject({ failure: { code: "storage/missing" } });
    expect(await listModels()).toEqual([]);
  });
});
