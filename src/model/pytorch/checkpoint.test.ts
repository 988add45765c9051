import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { readSafetensors } from "../safetensors";
import { readWeightsFile } from "../weightsFile";
import { isPytorchFile, readPytorchFile } from "./checkpoint";

const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`./fixtures/${name}`, import.meta.url)));

/** The code of the refusal; anything else than a `LabError` is let through to fail the test. */
function refusal(bytes: Uint8Array): string {
  try {
    readPytorchFile(bytes);
    return "accepted";
  } catch (error) {
    if (error instanceof LabError) return error.failure.code;
    throw error;
  }
}

function messageOf(bytes: Uint8Array): string {
  try {
    readPytorchFile(bytes);
    return "";
  } catch (error) {
    return error instanceof LabError ? error.failure.message : String(error);
  }
}

/** A repeatable spread of places. */
const places = (count: number, length: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.imul(i + 1, 2654435761) >>> 0).map((hash) => hash % length);

describe("readPytorchFile", () => {
  const { tensors: expected } = readSafetensors(read("expected.safetensors"));

  it.each(["zip.pth", "protocol4.pth", "legacy.pth", "python2.pth", "checkpoint.pth"])(
    "has the tensors of the same state dict as safetensors: %s",
    (file) => {
      const tensors = readPytorchFile(read(file));
      expect(tensors.size).toBe(expected.size);
      for (const [name, tensor] of expected) expect([name, tensors.get(name)]).toEqual([name, tensor]);
    },
  );

  it("reads only what is wanted, and is told apart from safetensors", () => {
    const wanted = (name: string): boolean => name.startsWith("conv.");
    for (const file of ["zip.pth", "legacy.pth", "expected.safetensors"]) {
      expect([...readWeightsFile(read(file), wanted).tensors.keys()].sort()).toEqual([
        "conv.bias",
        "conv.weight",
      ]);
    }
    expect(isPytorchFile(read("expected.safetensors"))).toBe(false);
  });

  it("runs nothing, and names what a file holds besides weights", () => {
    expect(refusal(read("command.pth"))).toBe("weights/pickle");
    expect(messageOf(read("command.pth"))).toContain("posix.system");
    expect(refusal(read("module.pth"))).toBe("weights/pickle");
    expect(messageOf(read("module.pth"))).toContain("torch.nn.modules.linear.Linear");
  });

  it("refuses what is ambiguous, no format of weights, or larger than its storage", () => {
    expect(refusal(read("several.pth"))).toBe("weights/several");
    expect(messageOf(read("several.pth"))).toContain("model, ema");
    expect(refusal(read("bool.pth"))).toBe("weights/dtype");
    expect(refusal(read("expanded.pth"))).toBe("weights/corrupt");
    const tar = new Uint8Array(1024);
    tar.set(new TextEncoder().encode("ustar"), 257);
    expect(refusal(tar)).toBe("weights/old");
  });

  it.each(["zip.pth", "legacy.pth"])("tells of every place where a file was cut off: %s", (file) => {
    const bytes = read(file);
    for (const length of [...Array(40).keys(), ...places(200, bytes.length)])
      expect(refusal(bytes.slice(0, length))).toMatch(/^weights\/(truncated|corrupt|pickle)$/);
  });

  it.each(["zip.pth", "legacy.pth", "protocol4.pth"])("meets damage with a code or a value: %s", (file) => {
    const bytes = read(file);
    const outcomes = new Set<string>();
    for (const [i, place] of places(1500, bytes.length).entries()) {
      const damaged = bytes.slice();
      damaged[place] = (damaged[place] as number) ^ (1 << (i % 8));
      outcomes.add(refusal(damaged).split("/")[0] as string);
    }
    expect([...outcomes].sort()).toEqual(["accepted", "weights"]);
  });
});
