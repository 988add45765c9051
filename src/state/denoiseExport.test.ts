import { BlobReader, BlobWriter, ZipReader } from "@zip.js/zip.js";
import { expect, it, vi } from "vitest";
import type { DenoiseItem } from "./denoise";
import { exportNames, zipDenoised } from "./denoiseExport";

vi.mock("./denoise", () => ({}));

it("names files after their sources and numbers equal ones, whatever their case", () => {
  expect(exportNames(["chest.jpg", "Chest.png", "a.b.png", "plain", ".png"])).toEqual([
    "chest-denoised.png",
    "Chest-denoised-2.png",
    "a.b-denoised.png",
    "plain-denoised.png",
    "image-denoised.png",
  ]);
});

it("zips what is finished, byte for byte", async () => {
  const item = (name: string, png: Blob | null) => ({ name, png }) as DenoiseItem;
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const zip = await zipDenoised([item("a.png", new Blob([bytes])), item("waits.png", null)]);
  const reader = new ZipReader(new BlobReader(zip), { useWebWorkers: false });
  const entries = await reader.getEntries();
  expect(entries.map(({ filename }) => filename)).toEqual(["a-denoised.png"]);
  const entry = entries[0];
  if (!entry || entry.directory) throw new Error("no file");
  const blob = await entry.getData(new BlobWriter());
  expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);
  await reader.close();
});
