import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TuningEntry, TuningProgress, TuningReport } from "@/contracts/engineLab";
import { LabError } from "@/contracts/failure";
import type { Kernel } from "./kernels/kernel";
import type { Plan, PlannedDispatch } from "./plan";
import { problemsOf, type TuneRequest, tunePlan } from "./tuner";

/** How a variant behaves on the pretended device. Times are of one image and grow with the images. */
interface Behaviour {
  readonly ms: number;
  readonly compileMs?: number;
  readonly deviation?: number;
  readonly fails?: "engine/kernel" | "engine/device-lost";
}

interface Operation {
  readonly label: string;
  readonly flops: number;
  /** The default first; one alone is not tunable. */
  readonly variants: Readonly<Record<string, Behaviour>>;
  readonly element?: string;
}

const kernelOf = (
  { label, flops, element = "vec4f" }: Operation,
  variant: string,
  images: number,
): Kernel => ({
  label: `${label} ×${images}`,
  variant,
  wgsl: "",
  bindings: [{ name: "output", access: "readWrite", element }],
  workgroups: [1, 1, 1],
  flops: flops * images,
  bytes: 0,
});

function planOf(operations: readonly Operation[], images: number): Plan {
  const dispatches = operations.map((operation): PlannedDispatch => {
    const names = Object.keys(operation.variants);
    const [first = ""] = names;
    const kernel = kernelOf(operation, first, images);
    const alternatives = names.map((name) => ({ name, build: () => kernelOf(operation, name, images) }));
    return { label: "", kernel: names.length > 1 ? { ...kernel, alternatives } : kernel, bindings: [] };
  });
  return { dispatches, tensors: [], slots: [], slotBytes: 0, flops: 0, bytesMoved: 0 };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A device that takes the time that the operations say, on the pretended clock. */
class PretendedDevice {
  /** Variants in the order in which they were compiled, and how often each was timed. */
  readonly compiled: string[] = [];
  readonly timed: string[] = [];
  readonly longestMs = { run: 0 };
  open = 0;
  /** Images that fit into its memory. */
  room = Number.POSITIVE_INFINITY;
  private readonly operations: readonly Operation[];

  constructor(operations: readonly Operation[]) {
    this.operations = operations;
  }

  request(settings: Partial<TuneRequest> = {}): TuneRequest {
    return {
      device: "pretended",
      images: 2,
      known: new Set(),
      budgetMs: 1e9,
      planAt: (images) => planOf(this.operations, images),
      openBench: async ({ kernel }) => {
        const images = Number(kernel.label.split("×")[1]);
        if (images > this.room) throw new LabError("engine/out-of-memory", "Full.", "Less.");
        this.open++;
        return {
          resolutionMs: 0.1,
          prepare: (built) => this.prepare(built, images),
          free: () => this.open--,
        };
      },
      ...settings,
    };
  }

  private async prepare({ label, variant = "" }: Kernel, images: number) {
    const operation = this.operations.find((each) => label.startsWith(`${each.label} ×`));
    const behaviour = operation?.variants[variant];
    if (!behaviour) throw new Error(label);
    const { ms: one, compileMs = 10, deviation = 0, fails } = behaviour;
    this.compiled.push(`${operation.label} ${variant}`);
    await wait(compileMs);
    if (fails) throw new LabError(fails, "It does not work.", "Take another.");
    this.open++;
    const ms = one * images;
    const run = async (): Promise<void> => {
      this.longestMs.run = Math.max(this.longestMs.run, ms);
      await wait(ms);
    };
    return {
      estimateMs: async () => ms,
      compute: async () => {
        await run();
        return { ms, deviation };
      },
      timeMs: async () => {
        this.timed.push(`${operation.label} ${variant}`);
        await run();
        return ms;
      },
      free: () => this.open--,
    };
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** What comes out, with the clock running as fast as it can. */
async function finished<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  await vi.runAllTimersAsync();
  return work;
}

const choices = ({ entries }: Pick<TuningReport, "entries">): Record<string, string> =>
  Object.fromEntries(entries.map(({ kernel, variant }) => [kernel, variant]));

const SMALL: Operation = { label: "small", flops: 1, variants: { plain: { ms: 3 }, tile: { ms: 1 } } };
const LARGE: Operation = { label: "large", flops: 10, variants: { plain: { ms: 30 }, tile: { ms: 10 } } };
const SINGLE: Operation = { label: "single", flops: 99, variants: { plain: { ms: 1 } } };

describe("the order of kernels", () => {
  it("is by share of the arithmetic, repeated ones counted together, without what is known or has one variant", () => {
    const plan = planOf([SMALL, LARGE, SINGLE, ...Array<Operation>(11).fill(SMALL)], 2);
    expect(problemsOf(plan, new Set()).map(({ label, share }) => [label, share])).toEqual([
      ["small ×2", 24],
      ["large ×2", 20],
    ]);
    expect(problemsOf(plan, new Set(["small ×2"])).map(({ label }) => label)).toEqual(["large ×2"]);
  });
});

describe("the choice", () => {
  it("is the fastest, told with the default's time, and frees everything", async () => {
    const device = new PretendedDevice([SMALL, LARGE, SINGLE]);
    const progress: TuningProgress[] = [];
    const told: TuningEntry[] = [];
    const report = await finished(
      tunePlan(
        device.request({ onProgress: (at) => progress.push(at), onEntry: (entry) => told.push(entry) }),
      ),
    );
    expect(report).toMatchObject({ left: 0, failures: [] });
    expect(report.entries).toEqual([
      {
        device: "pretended",
        kernel: "large ×2",
        variant: "tile",
        ms: 20,
        defaultVariant: "plain",
        defaultMs: 60,
        measuredAtMs: expect.any(Number),
      },
      expect.objectContaining({ kernel: "small ×2", variant: "tile", ms: 2, defaultMs: 6 }),
    ]);
    expect(told).toEqual(report.entries);
    expect(progress.map(({ done, total, kernel }) => [done, total, kernel])).toEqual([
      [0, 2, "large ×2"],
      [1, 2, "small ×2"],
      [2, 2, "small ×2"],
    ]);
    expect(progress[0]?.secondsLeft).toBeNull();
    expect(progress[1]?.secondsLeft).toBeGreaterThan(0);
    expect(device.open).toBe(0);
  });

  it("stays with the default for a gain within the clock's noise", async () => {
    const operation = { ...LARGE, variants: { plain: { ms: 30 }, tile: { ms: 29.5 } } };
    const report = await finished(tunePlan(new PretendedDevice([operation]).request()));
    expect(choices(report)).toEqual({ "large ×2": "plain" });
  });

  it("times what is hopeless in its first run no further", async () => {
    const variants = { plain: { ms: 3 }, slow: { ms: 10 }, tile: { ms: 2 } };
    const device = new PretendedDevice([{ ...SMALL, variants }]);
    expect(choices(await finished(tunePlan(device.request())))).toEqual({ "small ×2": "tile" });
    expect(device.timed).not.toContain("small slow");
  });

  it("refuses what computes something else, and what does not compile, with the reason", async () => {
    const variants = {
      plain: { ms: 3 },
      wrong: { ms: 0.1, deviation: 1e-3 },
      nan: { ms: 0.1, deviation: Number.POSITIVE_INFINITY },
      broken: { ms: 0.1, fails: "engine/kernel" },
      tile: { ms: 2, deviation: 1e-5 },
    } as const;
    const device = new PretendedDevice([{ ...SMALL, variants }]);
    const report = await finished(tunePlan(device.request()));
    expect(choices(report)).toEqual({ "small ×2": "tile" });
    expect(report.failures.map(({ kernel, variant, failure }) => [kernel, variant, failure.code])).toEqual([
      ["small ×2", "wrong", "engine/wrong-result"],
      ["small ×2", "nan", "engine/wrong-result"],
      ["small ×2", "broken", "engine/kernel"],
    ]);
    expect(device.open).toBe(0);
  });

  it("allows halves their rounding", async () => {
    const variants = { plain: { ms: 3 }, matrix: { ms: 1, deviation: 1e-3 } };
    const operation = { ...SMALL, variants, element: "vec2u" };
    expect(choices(await finished(tunePlan(new PretendedDevice([operation]).request())))).toEqual({
      "small ×2": "matrix",
    });
  });

  it("leaves a kernel whose default fails, and goes on", async () => {
    const variants = { plain: { ms: 3, fails: "engine/kernel" }, tile: { ms: 2 } } as const;
    const report = await finished(tunePlan(new PretendedDevice([{ ...LARGE, variants }, SMALL]).request()));
    expect(choices(report)).toEqual({ "small ×2": "tile" });
    expect(report).toMatchObject({ left: 0, failures: [{ kernel: "large ×2", variant: "plain" }] });
  });

  it("ends with a lost device, and keeps the kernel so that the next call goes past it", async () => {
    const variants = { plain: { ms: 3 }, deadly: { ms: 2, fails: "engine/device-lost" } } as const;
    const report = await finished(tunePlan(new PretendedDevice([{ ...LARGE, variants }, SMALL]).request()));
    expect(choices(report)).toEqual({ "large ×2": "plain" });
    expect(report).toMatchObject({ left: 1, failures: [{ variant: "deadly" }] });
  });
});

describe("long kernels", () => {
  const LONG: Operation = { label: "long", flops: 10, variants: { plain: { ms: 100 }, tile: { ms: 50 } } };

  it("are tried with fewer images, their times as of all", async () => {
    const device = new PretendedDevice([LONG]);
    const report = await finished(tunePlan(device.request({ images: 16 })));
    expect(report.entries).toMatchObject([{ kernel: "long ×16", variant: "tile", ms: 800, defaultMs: 1600 }]);
    expect(device.longestMs.run).toBe(200);
    expect(device.open).toBe(0);
  });

  it("keep their default where one image takes too long, and never run in full", async () => {
    const variants = { plain: { ms: 1500 }, tile: { ms: 50 } };
    const device = new PretendedDevice([{ ...LONG, variants }]);
    const report = await finished(tunePlan(device.request()));
    expect(report.entries).toMatchObject([{ variant: "plain", ms: 3000 }]);
    expect(device.longestMs.run).toBe(0);
  });

  it("run no variant that would take over a second", async () => {
    const variants = { plain: { ms: 100 }, slow: { ms: 600 } };
    const device = new PretendedDevice([{ ...LONG, variants }]);
    expect(choices(await finished(tunePlan(device.request())))).toEqual({ "long ×2": "plain" });
    expect(device.longestMs.run).toBe(200);
  });

  it("and large ones are halved until they fit into memory", async () => {
    const device = new PretendedDevice([SMALL]);
    device.room = 4;
    const report = await finished(tunePlan(device.request({ images: 16 })));
    expect(report.entries).toMatchObject([{ kernel: "small ×16", variant: "tile", ms: 16 }]);
  });
});

describe("the budget", () => {
  const slow = (label: string, flops: number): Operation => ({
    label,
    flops,
    variants: { plain: { ms: 1, compileMs: 1000 }, tile: { ms: 0.5, compileMs: 1000 } },
  });

  it("begins no compilation that would end after it, by those before, and says what is left", async () => {
    const device = new PretendedDevice([slow("a", 3), slow("b", 2), slow("c", 1)]);
    const start = performance.now();
    const report = await finished(tunePlan(device.request({ budgetMs: 5500 })));
    expect(choices(report)).toEqual({ "a ×2": "tile", "b ×2": "tile" });
    expect(device.compiled).toHaveLength(5);
    expect(report.left).toBe(1);
    expect(report.seconds).toBeLessThanOrEqual(5.5);
    expect(performance.now() - start).toBeLessThanOrEqual(5500);
    expect(device.open).toBe(0);
  });

  it("goes on with what was left", async () => {
    const device = new PretendedDevice([slow("a", 3), slow("b", 2)]);
    const first = await finished(tunePlan(device.request({ budgetMs: 3500 })));
    expect(choices(first)).toEqual({ "a ×2": "tile" });
    const known = new Set(first.entries.map(({ kernel }) => kernel));
    const second = await finished(tunePlan(device.request({ budgetMs: 3500, known })));
    expect(choices(second)).toEqual({ "b ×2": "tile" });
    expect(second.left).toBe(0);
  });

  it("waits for no compilation longer than that, whose memory is freed when it ends", async () => {
    const hanging = slow("a", 3);
    const variants = { ...hanging.variants, endless: { ms: 1, compileMs: 1e6 } };
    const device = new PretendedDevice([{ ...hanging, variants }, slow("b", 2)]);
    const work = tunePlan(device.request({ budgetMs: 20_000 }));
    await vi.advanceTimersByTimeAsync(20_000);
    const report = await work;
    // The first kernel keeps what was tried: the next call would not come past it either.
    expect(choices(report)).toEqual({ "a ×2": "tile" });
    expect(report.left).toBe(1);
    expect(device.open).toBeGreaterThan(0);
    await vi.runAllTimersAsync();
    expect(device.open).toBe(0);
    expect(device.compiled).toEqual(["a plain", "a tile", "a endless"]);
  });

  it("of nothing tries nothing", async () => {
    const device = new PretendedDevice([SMALL]);
    const report = await finished(tunePlan(device.request({ budgetMs: 0 })));
    expect(report).toMatchObject({ entries: [], left: 1 });
  });
});

describe("a stop", () => {
  it("ends it at once with the signal's reason; what was chosen before was told", async () => {
    const stop = new AbortController();
    const told: string[] = [];
    const device = new PretendedDevice([LARGE, SMALL]);
    const work = tunePlan(
      device.request({
        signal: stop.signal,
        onEntry: ({ kernel }) => {
          told.push(kernel);
          stop.abort(new LabError("run/cancelled", "Stopped.", "Start again."));
        },
      }),
    );
    await expect(finished(work)).rejects.toThrow("run/cancelled");
    expect(told).toEqual(["large ×2"]);
    expect(device.open).toBe(0);
    expect(device.compiled).not.toContain("small plain");
    await expect(finished(tunePlan(device.request({ signal: stop.signal })))).rejects.toThrow(
      "run/cancelled",
    );
  });
});
