import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { DatasetRecord } from "@/contracts/dataset";
import type { RunConfig } from "@/contracts/runConfig";
import { lazyFiles } from "@/evaluation/runZip";
import { makePhantoms } from "../import/makePhantoms";
import { makePixels } from "../import/makePixels";
import { exportForPytorch } from "./pytorchExport";

/** What the tests of the way to PyTorch and back share. */

/** A Python with PyTorch and numpy, Debian's first; null where there is none. */
export const PYTHON =
  ["/usr/bin/python3", "python3"].find(
    (python) => spawnSync(python, ["-c", "import torch, numpy"]).status === 0,
  ) ?? null;

/** Stores phantoms as the import worker does. */
export function storePhantoms(count: number, size: number, seed: number): Promise<DatasetRecord> {
  return makePhantoms(
    { count, size, seed },
    {
      maker: {
        tasksInFlight: 1,
        make: async (task) => ({ ok: true, value: await makePixels(task) }),
      },
      onProgress: () => undefined,
      isCancelled: () => false,
      freeBytes: async () => null,
    },
  );
}

/** Exports a run and unpacks it: the folder. */
export async function unpackedBundle(name: string, config: RunConfig): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "lab-pytorch-"));
  const zip = await exportForPytorch({ name, config }, () => undefined);
  for (const { path, bytes } of await lazyFiles([new File([zip], "bundle.zip")])) {
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, await bytes());
  }
  return folder;
}

/** Runs Python in a bundle's folder; throws what it said when it fails. */
export function python(folder: string, ...args: readonly string[]): string {
  const done = spawnSync(PYTHON ?? "", ["-B", ...args], { cwd: folder, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`exit code ${done.status}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}
