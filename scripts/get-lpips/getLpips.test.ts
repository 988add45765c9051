import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLpipsWeights } from "@/evaluation/lpips/weights";
import { originalParts } from "@/evaluation/lpips/weights.fixture";
import { writeSafetensors } from "@/model/safetensors";
import { getLpips } from "./getLpips";
import { parseCommand } from "./options";
import { LPIPS_SOURCES, type LpipsSource } from "./sources";

const SHARED = "../shared/data/lpips";
const SCRIPT = fileURLToPath(new URL("../../pytorch/make_lpips_originals.py", import.meta.url));

const python = ["python3", "/usr/bin/python3"].find((command) => {
  try {
    execFileSync(command, ["-c", "import torch, numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
const real = existsSync(SHARED) && python !== undefined;
if (!real)
  console.warn(
    `skipped: ${existsSync(SHARED) ? "no python3 with torch" : `${SHARED} is not here`}, so no real weights are converted`,
  );

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const quiet = (): void => undefined;

let folder: string;
let server: Server;
let answers: Map<string, Answer>;
/** `range` headers of all requests, by path. */
let requests: { path: string; range: string | undefined }[];

/** Sends a file as servers do, with ranges. */
const sending =
  (bytes: Uint8Array): Answer =>
  (request, response) => {
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from ?? 0);
    if (start >= bytes.length) {
      response.writeHead(416).end();
      return;
    }
    const part = bytes.subarray(start);
    const partial = { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from === undefined ? 200 : 206, {
      "content-length": part.length,
      ...(from !== undefined && partial),
    });
    response.end(part);
  };

/** Promises the whole file and hangs up after a part of it. */
const cuttingOff =
  (bytes: Uint8Array, after: number): Answer =>
  (_, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, after), () => response.destroy());
  };

function sourceOf(network: "alex" | "squeeze", backbone: Uint8Array, heads: Uint8Array): LpipsSource {
  const { port } = server.address() as AddressInfo;
  const file = (name: string, bytes: Uint8Array) => {
    answers.set(`/${name}`, sending(bytes));
    return { name, url: `http://127.0.0.1:${port}/${name}`, sha256: sha256(bytes) };
  };
  return { network, backbone: file("net.pth", backbone), heads: file("heads.pth", heads) };
}

function madeUpSource(): LpipsSource & { readonly bytes: Uint8Array } {
  const { backbone, heads } = originalParts("squeeze");
  const bytes = writeSafetensors(backbone);
  return { ...sourceOf("squeeze", bytes, writeSafetensors(heads)), bytes };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "lab-lpips-"));
  answers = new Map();
  requests = [];
  server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push({ path, range: request.headers.range });
    const answer = answers.get(path);
    if (answer) answer(request, response);
    else response.writeHead(404, "Not Found").end("no such file");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

describe("getLpips", () => {
  it.skipIf(!real).each(["alex", "squeeze"] as const)(
    "makes the weights of the original files: %s",
    async (network) => {
      const known = `${SHARED}/lpips_${network}_fp32.safetensors`;
      execFileSync(python ?? "", ["-B", SCRIPT, known, folder]);
      const read = (name: string) => new Uint8Array(readFileSync(join(folder, name)));
      const source = sourceOf(network, read("backbone.pth"), read("heads.pth"));
      const out = join(folder, "out");
      const path = await getLpips(source, out, quiet);
      const expected = readLpipsWeights(new Uint8Array(readFileSync(known)));
      const found = readLpipsWeights(new Uint8Array(readFileSync(path)));
      expect(found.network).toBe(network);
      for (const [name, { data }] of expected.tensors) {
        // Bit by bit.
        expect([name, [...(found.tensors.get(name)?.data ?? [])]]).toEqual([name, [...data]]);
      }
      expect(readdirSync(out)).toEqual([`lpips_${network}.safetensors`]);
    },
  );

  it("leaves a whole file as it is, and makes a damaged one again", async () => {
    const source = madeUpSource();
    const path = await getLpips(source, folder, quiet);
    const asked = requests.length;
    expect(asked).toBe(2);
    expect(await getLpips(source, folder, quiet)).toBe(path);
    expect(requests.length).toBe(asked);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, 1000));
    await getLpips(source, folder, quiet);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it("keeps nothing of a file with another hash, and gives no weights", async () => {
    const source = madeUpSource();
    const other = source.bytes.slice();
    other[other.length - 1] = (other.at(-1) as number) ^ 1;
    answers.set("/net.pth", sending(other));
    await expect(getLpips(source, folder, quiet)).rejects.toMatchObject({
      failure: { code: "weights/hash" },
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it("goes on where it was cut off", async () => {
    const source = madeUpSource();
    const send = answers.get("/net.pth") as Answer;
    answers.set("/net.pth", cuttingOff(source.bytes, 100_000));
    await expect(getLpips(source, folder, quiet)).rejects.toMatchObject({
      failure: { code: "weights/download" },
    });
    const part = readFileSync(join(folder, "net.pth.part"));
    expect(part.length).toBeGreaterThan(0);
    expect(part.length).toBeLessThan(source.bytes.length);
    answers.set("/net.pth", send);
    const told: number[] = [];
    await getLpips(source, folder, ({ name, bytes }) => {
      if (name === "net.pth") told.push(bytes);
    });
    expect(requests.find(({ range }) => range !== undefined)).toEqual({
      path: "/net.pth",
      range: `bytes=${part.length}-`,
    });
    expect(told.at(-1)).toBe(source.bytes.length);
    expect(readdirSync(folder)).toEqual(["lpips_squeeze.safetensors"]);
  });

  it("begins again where the server knows no ranges, and takes a part that is whole", async () => {
    const source = madeUpSource();
    writeFileSync(join(folder, "net.pth.part"), source.bytes.subarray(0, 5000));
    const whole: Answer = (_, response) =>
      response.writeHead(200, { "content-length": source.bytes.length }).end(source.bytes);
    answers.set("/net.pth", whole);
    const path = await getLpips(source, folder, quiet);
    rmSync(path);
    writeFileSync(join(folder, "net.pth.part"), source.bytes);
    answers.set("/net.pth", sending(source.bytes));
    expect(await getLpips(source, folder, quiet)).toBe(path);
  });

  it("says what a server answered, and that none was there", async () => {
    const source = madeUpSource();
    answers.delete("/heads.pth");
    await expect(getLpips(source, folder, quiet)).rejects.toThrow(/heads\.pth.*404 Not Found/);
    // The larger file need not come a second time.
    expect(readdirSync(folder)).toEqual(["net.pth.part"]);
    const nowhere = { ...source.heads, url: "http://127.0.0.1:1/heads.pth" };
    await expect(getLpips({ ...source, heads: nowhere }, folder, quiet)).rejects.toThrow(
      /weights\/download.*(ECONNREFUSED|bad port).*as it is/,
    );
  });
});

describe("the sources", () => {
  it("have whole hashes, of which torchvision's names have the beginning", () => {
    for (const { backbone, heads } of Object.values(LPIPS_SOURCES)) {
      for (const { sha256: hash } of [backbone, heads]) expect(hash).toMatch(/^[0-9a-f]{64}$/);
      const [, prefix = "?"] = /-([0-9a-f]{8})\.pth$/.exec(backbone.name) ?? [];
      expect(backbone.sha256.startsWith(prefix)).toBe(true);
      expect(backbone.url.endsWith(backbone.name)).toBe(true);
    }
  });
});

describe("parseCommand", () => {
  it("has AlexNet as the default, and paths from where it was called", () => {
    expect(parseCommand([], "/home/me")).toEqual({ help: false, network: "alex", out: "/home/me/weights" });
    expect(parseCommand(["squeeze", "--out", "x"], "/home/me")).toMatchObject({
      network: "squeeze",
      out: "/home/me/x",
    });
    for (const args of [["vgg"], ["alex", "squeeze"], ["--output", "x"]])
      expect(() => parseCommand(args, "/")).toThrow("bench/options");
  });
});
