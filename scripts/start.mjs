// npm start: installs what is missing, builds, serves the lab on localhost, prints the address and opens it.
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { ensurePackages } from "./ensure.mjs";

const HELP = `npm start -- [options]
  --port N     port to serve on (4173, or the next free one)
  --no-open    do not open a browser`;

function options() {
  try {
    const { values } = parseArgs({
      options: { port: { type: "string" }, "no-open": { type: "boolean" }, help: { type: "boolean" } },
    });
    const port = values.port === undefined ? 4173 : Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65535)
      throw new Error(`--port ${values.port}: give a number from 1 to 65535.`);
    return { port, strict: values.port !== undefined, open: !values["no-open"], help: values.help };
  } catch (error) {
    console.error(`${error.message}\n${HELP}`);
    process.exit(2);
  }
}

/** Opens the address where there is a desktop; a failure to do so is no failure of the lab. */
function openBrowser(url) {
  const desktop = process.platform !== "linux" || process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  if (!desktop) return;
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", url]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", url]
        : ["xdg-open", url];
  spawn(command, args, { stdio: "ignore", detached: true })
    .on("error", () => {})
    .unref();
}

const { port, strict, open, help } = options();
if (help) {
  console.log(HELP);
  process.exit(0);
}
ensurePackages();
const { buildIfStale, serve } = await import("./serve.mjs");
await buildIfStale();
try {
  const server = await serve({ port, strict });
  console.log(
    `\n  Denoise Lab is at ${server.url}\n  Nothing you load there leaves this machine. Stop with Ctrl+C.\n`,
  );
  if (open) openBrowser(server.url);
} catch (error) {
  console.error(`${error.message}. Choose another port: npm start -- --port ${port + 1}`);
  process.exit(1);
}
