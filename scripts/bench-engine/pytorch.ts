import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { z } from "zod";
import { root } from "../ensure.mjs";

const PYTHON = "/usr/bin/python3";

const OUTPUT = z.object({
  torch: z.string(),
  device: z.string(),
  modes: z.object({ f32: z.object({ ms: z.array(z.number()), peakBytes: z.number().nullable() }) }),
});

/** One run of `pytorch/speed.py`: the same network and sizes, its own initial weights and images. */
export interface PytorchRun {
  readonly torch: string;
  /** A card's name, or the processor with its threads. */
  readonly device: string;
  readonly ms: readonly number[];
  readonly peakBytes: number | null;
}

export interface PytorchTask {
  readonly model: string;
  readonly width: number;
  readonly size: number;
  readonly images: number;
  readonly rounds: number;
}

/** Times PyTorch in float32, or says in a sentence why it is absent. */
export function runPytorch({ model, width, size, images, rounds }: PytorchTask): PytorchRun | string {
  if (!existsSync(PYTHON)) return `${PYTHON} does not exist`;
  const numbers = { width, size, images, rounds };
  const { status, stdout, stderr } = spawnSync(
    PYTHON,
    [
      "pytorch/speed.py",
      "--model",
      model,
      ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
    { cwd: root, encoding: "utf8" },
  );
  if (status !== 0) return `${PYTHON}: ${stderr?.trim().split("\n").at(-1) || "no output"}`;
  const { torch, device, modes } = OUTPUT.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  return { torch, device, ...modes.f32 };
}
