import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { CONTENT_SECURITY_POLICY, ISOLATION_HEADERS } from "./scripts/headers.ts";

const headers = { ...ISOLATION_HEADERS, "Content-Security-Policy": CONTENT_SECURITY_POLICY };

/** Puts the policy into the built page too, so that it holds on any host that serves `dist`. */
const policyInPage: Plugin = {
  name: "content-security-policy-meta",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: CONTENT_SECURITY_POLICY },
      injectTo: "head-prepend",
    },
  ],
};

/** The commit a build is made from, written into every result; `unknown` outside a checkout. */
function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=12"], {
      encoding: "utf8",
    }).trim();
  } catch {
    return "unknown";
  }
}

export default defineConfig({
  define: { __COMMIT__: JSON.stringify(commit()) },
  plugins: [react(), policyInPage],
  resolve: {
    alias: {
      "@workers": fileURLToPath(new URL("./workers", import.meta.url)),
      "@": fileURLToPath(new URL("./src", import.meta.url)),
    },
  },
  worker: { format: "es" },
  // Found only inside workers or behind dynamic imports: without this list the dev server would find them in the middle
  // of a test and reload the page.
  optimizeDeps: {
    include: [
      "@jsquash/jpeg/decode",
      "@mantine/core",
      "@tabler/icons-react",
      "@tensorflow/tfjs-backend-cpu",
      "@tensorflow/tfjs-backend-wasm",
      "@tensorflow/tfjs-backend-webgl",
      "@tensorflow/tfjs-backend-webgpu",
      "@tensorflow/tfjs-core",
      "@zip.js/zip.js",
      "comlink",
      "fast-png",
      "idb",
      "modern-tar",
      "react",
      "react-dom/client",
      "zod",
    ],
  },
  build: {
    target: "es2023",
    chunkSizeWarningLimit: 1500,
    sourcemap: true,
    // The bundler's notes on which plugin was slow: on a busy machine each is.
    rolldownOptions: { checks: { bundlerTimings: false } },
  },
  // The dev server injects inline scripts for hot reload, so only the isolation headers apply there.
  server: { headers: ISOLATION_HEADERS },
  preview: { headers },
});
