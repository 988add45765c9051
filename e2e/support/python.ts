import { spawnSync } from "node:child_process";

/** A Python with these modules, or null: Debian's first, then the PATH's. */
export function pythonWith(...modules: string[]): string | null {
  for (const python of ["/usr/bin/python3", "python3"]) {
    const probe = spawnSync(python, ["-c", modules.map((name) => `import ${name}`).join("; ")]);
    if (probe.status === 0) return python;
  }
  return null;
}
