import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import { parseOptions } from "./options";

const FOLDER = "/home/someone";

describe("parseOptions", () => {
  it("without options trains U-Net with every engine", () => {
    expect(parseOptions([], FOLDER)).toEqual({
      kind: "training",
      model: "unet",
      width: 16,
      size: 128,
      images: 4,
      rounds: 5,
      profile: false,
      json: null,
      engines: ["webgpu", "webgpu-mixed", "tfjs-webgpu", "tfjs-wasm", "jax-js"],
      pytorch: true,
    });
  });

  it("infers one image of 1024² through width 64", () => {
    expect(parseOptions(["--inference", "--engines", "webgpu,onnxruntime-web"], FOLDER)).toMatchObject({
      kind: "inference",
      width: 64,
      size: 1024,
      images: 1,
      engines: ["webgpu", "onnxruntime-web"],
    });
  });

  it("takes PyTorch out of what runs in the page, and a file relative to the caller", () => {
    const options = parseOptions(["--engines", "pytorch, webgpu", "--json", "out.json"], FOLDER);
    expect(options).toMatchObject({ engines: ["webgpu"], pytorch: true, json: "/home/someone/out.json" });
    expect(parseOptions(["--engines", "webgpu"], FOLDER)).toMatchObject({ pytorch: false });
  });

  it("shows help whatever else is asked", () => {
    expect(parseOptions(["--help", "--model", "resnet"], FOLDER)).toEqual({ kind: "help" });
  });

  it.each([
    [["--colour", "red"], /colour/],
    [["stray"], /stray/],
    [["--model", "resnet"], /--model resnet/],
    [["--width", "wide"], /--width wide/],
    [["--width", "0"], /--width 0/],
    [["--size", "100"], /--size 100.*multiple of 16/],
    [["--rounds", "1.5"], /--rounds 1.5/],
    [["--rounds", ""], /--rounds/],
    [["--engines", "webgpu,cuda"], /--engines cuda/],
    [["--engines", "webgpu,webgpu"], /twice/],
    [["--engines", "onnxruntime-web"], /onnxruntime-web/],
    [["--inference", "--engines", "jax-js"], /jax-js/],
    [["--inference", "--images", "2"], /--images/],
  ])("refuses %j in one line", (args, message) => {
    let refused: unknown = null;
    try {
      parseOptions(args, FOLDER);
    } catch (error) {
      refused = error;
    }
    if (!(refused instanceof LabError)) throw new Error("accepted");
    expect(refused.failure.code).toBe("bench/options");
    expect(refused.message).toMatch(message);
    expect(refused.message).not.toContain("\n");
  });
});
