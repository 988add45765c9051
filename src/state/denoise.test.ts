import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Outcome } from "@/contracts/failure";
import type { DenoiseRequest, DenoiseResult, GreyImage } from "@/contracts/workers";

interface Call {
  readonly request: DenoiseRequest;
  readonly onProgress: (progress: { tilesDone: number; tiles: number }) => void;
  readonly end: (outcome: Outcome<DenoiseResult>) => void;
}
const { calls, cancels } = vi.hoisted(() => ({ calls: [] as Call[], cancels: { count: 0 } }));

vi.mock("@/storage/models", () => ({ listModels: async () => [] }));
vi.mock("@/bridge/evaluation", () => ({
  denoise: (request: DenoiseRequest, onProgress: Call["onProgress"]) =>
    new Promise<Outcome<DenoiseResult>>((end) => calls.push({ request, onProgress, end })),
  encodePng16: async (image: GreyImage) => ({ ok: true, value: new Blob([image.data]) }),
  cancel: async () => {
    cancels.count += 1;
  },
}));

const denoise = await import("./denoise");
const state = () => denoise.denoiseStore.getState();
const statuses = () => state().items.map(({ status }) => status);
const settle = () => new Promise((resolve) => setTimeout(resolve));
const file = (name: string) => new File(["x"], name);
const image = (): GreyImage => ({ width: 2, height: 1, data: new Float32Array(2) });
const done = (name: string): Outcome<DenoiseResult> => ({
  ok: true,
  value: {
    name,
    input: image(),
    denoised: image(),
    clean: null,
    psnrDb: null,
    ssim: null,
    inputPsnrDb: null,
    inputSsim: null,
    tiles: 1,
    engine: "tfjs-cpu",
    seconds: 1,
  },
});
const finish = async (at: number, outcome: Outcome<DenoiseResult>) => {
  calls[at]?.end(outcome);
  await settle();
};

beforeEach(async () => {
  denoise.clearImages();
  // Whatever an earlier test left at work ends now.
  for (const { end } of calls) end(done("late"));
  await settle();
  denoise.denoiseStore.setState({ modelId: "m1", addNoise: null });
  calls.length = 0;
  cancels.count = 0;
});

describe("the denoise queue", () => {
  it("denoises one image at a time, keeps the PNG, and goes on after a failure", async () => {
    denoise.addImages([file("a.png"), file("b.txt"), file("c.png")]);
    expect(calls).toHaveLength(1);
    calls[0]?.onProgress({ tilesDone: 1, tiles: 4 });
    expect(state().items[0]).toMatchObject({ status: "running", tilesDone: 1, tiles: 4 });
    await finish(0, done("a.png"));
    await finish(1, {
      ok: false,
      failure: { code: "decode/unknown", message: "No image.", remedy: "Other." },
    });
    await finish(2, done("c.png"));
    expect(statuses()).toEqual(["done", "failed", "done"]);
    expect(state().items[0]?.png?.size).toBe(8);
    expect(state().items[1]?.failure?.code).toBe("decode/unknown");
    expect(denoise.resultOf(state().items[2]?.id ?? "")?.name).toBe("c.png");
  });

  it("starts over with another model, and drops the late result of the one before", async () => {
    denoise.addImages([file("a.png")]);
    denoise.chooseModel("m2");
    expect(cancels.count).toBe(1);
    await finish(0, done("late"));
    expect(statuses()).toEqual(["running"]);
    expect(calls[1]?.request.modelId).toBe("m2");
    calls[0]?.onProgress({ tilesDone: 9, tiles: 9 });
    expect(state().items[0]?.tiles).toBe(0);
    await finish(1, done("a.png"));
    expect(denoise.resultOf(state().items[0]?.id ?? "")?.name).toBe("a.png");
  });

  it("halts by hand with what waits kept, and continues", async () => {
    denoise.addImages([file("a.png"), file("b.png")]);
    denoise.haltDenoising();
    await finish(0, {
      ok: false,
      failure: { code: "run/cancelled", message: "Cancelled.", remedy: "Again." },
    });
    expect(statuses()).toEqual(["waiting", "waiting"]);
    expect(calls).toHaveLength(1);
    denoise.continueDenoising();
    expect(calls).toHaveLength(2);
  });

  it("selects a neighbour when the image shown is removed, and drops its result", async () => {
    denoise.addImages([file("a.png"), file("b.png")]);
    const [first, second] = state().items.map(({ id }) => id) as [string, string];
    denoise.removeImage(first);
    expect(state().selectedId).toBe(second);
    await finish(0, done("a.png"));
    expect(denoise.resultOf(first)).toBeNull();
    expect(statuses()).toEqual(["running"]);
  });

  it("waits for a model", () => {
    denoise.denoiseStore.setState({ modelId: null });
    denoise.addImages([file("a.png")]);
    expect(calls).toHaveLength(0);
    denoise.chooseModel("m1");
    expect(calls).toHaveLength(1);
  });
});
