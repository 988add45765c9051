// The response headers of every page, script and worker of the lab.

/** Cross-origin isolation: gives SharedArrayBuffer (threads in WASM, shared gradient buckets). */
export const ISOLATION_HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/**
 * Nothing leaves the machine: `connect-src 'self'` forbids every request to another origin.
 * 'wasm-unsafe-eval' compiles WebAssembly (no JavaScript eval); blob: workers are TensorFlow.js' WASM threads;
 * inline styles are Mantine's; blob: and data: images are canvases that the page made itself.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval' blob:",
  "worker-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "font-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
