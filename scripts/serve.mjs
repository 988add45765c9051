// Builds the lab where needed and serves it with the headers that cross-origin isolation wants.
import { readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { root } from "./ensure.mjs";

const SOURCES = [
  "src",
  "workers",
  "public",
  "index.html",
  "vite.config.ts",
  "scripts/headers.ts",
  "postcss.config.cjs",
  "package-lock.json",
];
const STAMP = `${root}/dist/.built`;

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce(
    (latest, name) => Math.max(latest, newest(`${path}/${name}`)),
    stat.mtimeMs,
  );
}

/** Builds `dist` when a source is newer than it. */
export async function buildIfStale() {
  const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const changed = Math.max(...SOURCES.map((path) => newest(`${root}/${path}`)));
  if (built > changed) return;
  console.error("Building the lab…");
  const started = new Date();
  const { build } = await import("vite");
  await build({ root, logLevel: "warn" });
  writeFileSync(STAMP, "");
  utimesSync(STAMP, started, started);
}

/** Serves `dist` on localhost. A port that is taken is an error when `strict`, else the next free one is used. */
export async function serve({ port = 4173, strict = false } = {}) {
  const { preview } = await import("vite");
  const server = await preview({
    root,
    logLevel: "warn",
    preview: { port, strictPort: strict },
  });
  const address = server.resolvedUrls?.local[0];
  if (!address) throw new Error("The preview server has no local address.");
  return {
    url: address.replace(/\/$/, ""),
    port: Number(new URL(address).port),
    close: () => server.close(),
  };
}

/** A port that nobody listens on now. */
export async function freePort() {
  const { createServer } = await import("node:net");
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "localhost", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
