import "fake-indexeddb/auto";
import { openDB } from "idb";
import { afterEach, describe, expect, it } from "vitest";
import type { LpipsNetwork } from "@/contracts/lpips";
import { closeDatabase, DATABASE_NAME, openDatabase } from "./database";
import { deleteLpipsWeights, listLpipsWeights, preferredLpipsWeights, putLpipsWeights } from "./lpips";

const record = (network: LpipsNetwork, byte = 1) => ({
  network,
  fileName: `${network}.safetensors`,
  storedAt: 5,
  bytes: Uint8Array.of(byte, 2, 3),
});

afterEach(async () => {
  await closeDatabase();
  indexedDB.deleteDatabase(DATABASE_NAME);
});

describe("LPIPS weights", () => {
  it("are kept one file a network; AlexNet's are preferred", async () => {
    expect(await preferredLpipsWeights()).toBeNull();
    await putLpipsWeights(record("squeeze"));
    expect((await preferredLpipsWeights())?.network).toBe("squeeze");
    await putLpipsWeights(record("alex"));
    await putLpipsWeights(record("alex", 9));
    expect(await preferredLpipsWeights()).toEqual(record("alex", 9));
    expect(await listLpipsWeights()).toEqual(
      (["alex", "squeeze"] as const).map((network) => ({
        network,
        fileName: `${network}.safetensors`,
        storedAt: 5,
        byteLength: 3,
      })),
    );
    await deleteLpipsWeights("alex");
    await deleteLpipsWeights("alex");
    expect((await listLpipsWeights()).map(({ network }) => network)).toEqual(["squeeze"]);
  });

  it("come to a database of version 4, whose settings stay", async () => {
    const old = await openDB(DATABASE_NAME, 4, {
      upgrade(database) {
        database.createObjectStore("settings");
      },
    });
    await old.put("settings", "kept", "key");
    old.close();
    await putLpipsWeights(record("alex"));
    expect(await (await openDatabase()).get("settings", "key")).toBe("kept");
    expect(await listLpipsWeights()).toHaveLength(1);
  });
});
