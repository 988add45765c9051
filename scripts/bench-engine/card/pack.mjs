/**
 * Packs the engine's benchmark for a graphics card into one folder that needs nothing but Node's binary, so that it runs on a
 * machine where nothing can be installed: `node scripts/bench-engine/card/pack.mjs DIR`. There: `node card.mjs --help`.
 * DIR gets card.mjs, the `webgpu` package's binary for this platform and the PyTorch scripts.
 */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const [target] = process.argv.slice(2);
if (!target) {
  console.error("Usage: node scripts/bench-engine/card/pack.mjs DIR");
  process.exit(2);
}
const folder = resolve(target);
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
await build({
  root: ROOT,
  configFile: join(ROOT, "vite.config.ts"),
  logLevel: "warn",
  resolve: { alias: { vitest: join(ROOT, "scripts/bench-engine/card/expect.ts") } },
  ssr: { noExternal: true, external: ["webgpu"], target: "node" },
  build: {
    ssr: join(ROOT, "scripts/bench-engine/card/card.ts"),
    outDir: folder,
    target: "node20",
    sourcemap: false,
    emptyOutDir: false,
    rolldownOptions: { output: { entryFileNames: "card.mjs", chunkFileNames: "[name].mjs" } },
  },
});
const binary = join(
  "dist",
  `${process.platform === "darwin" ? "darwin-universal" : `${process.platform}-${process.arch}`}`,
);
for (const file of ["package.json", "index.js", join(binary, "dawn.node")]) {
  const to = join(folder, "node_modules/webgpu", file);
  await mkdir(dirname(to), { recursive: true });
  await copyFile(join(ROOT, "node_modules/webgpu", file), to);
}
for (const script of ["networks.py", "speed.py"])
  await copyFile(join(ROOT, "pytorch", script), join(folder, script));
