import { describe, expect, it } from "vitest";
import { NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import { exampleRun } from "./exampleRun.fixture";
import { PAPER_RESULTS } from "./paperResults";
import { reportMarkdown } from "./report";
import { parseResultJson, resultJson } from "./resultJson";
import { summarizeImages } from "./testSet";

const { run } = exampleRun();
const perImage = run.perImage ?? [];
const report = (result = run.result, images = perImage, record: typeof run = run) =>
  reportMarkdown(record, result, images, []);

describe("reportMarkdown", () => {
  it("states the conditions before any result, and calls a software adapter by name", () => {
    const text = report();
    expect(text.indexOf("## Conditions")).toBeLessThan(text.indexOf("## Test"));
    expect(text).toContain(
      "| Device | CPU; the adapter llvmpipe (software adapter, no GPU) was not used; 2 CPU cores |",
    );
    expect(text).toContain("| model.width | 64 | 1 |");
  });

  it("has a row a replica, and claims no speed-up where they shared a device", () => {
    expect(report()).not.toContain("### Replicas");
    const replica = {
      adapter: "Card",
      shared: true,
      images: 8,
      computeMs: 4000,
      exchangeMs: 500,
      lost: null,
    };
    const text = report({ ...run.result, replicas: [replica, { ...replica, lost: "its worker ended" }] });
    expect(text).toContain("| 0 | Card (shared) | 8 | 2.00 | 4.0 s | 0.5 s |  |");
    expect(text).toContain("| 1 | Card (shared) | 8 | 2.00 | 4.0 s | 0.5 s | its worker ended |");
    expect(text).toContain("**no speed-up is claimed**");
    const own = { ...replica, shared: false };
    expect(report({ ...run.result, replicas: [own, own] })).not.toContain("no speed-up is claimed");
  });

  it("gives means with their intervals and what the study has at the same noise", () => {
    const text = report();
    const { denoised } = summarizeImages(perImage);
    const ours = `${denoised.psnrDb.mean.toFixed(3)} ± ${denoised.psnrDb.ci95.toFixed(3)}`;
    expect(text).toContain(`| Denoised | ${ours} |`);
    expect(text).toContain("| U-Net, 1 GPU | 34.952 ± 0.040 | 0.9168 ± 0.0008 | 0.1373 ± 0.0010 | 7328.2 |");
    expect(text).toContain(`${(denoised.psnrDb.mean - 34.952).toFixed(3).replace("-", "−")} dB PSNR`);
    const differences = text.slice(text.indexOf("What this run did differently"));
    for (const row of ["| data.size | 256 | 16 |", "| model.width | 64 | 1 |"])
      expect(differences).toContain(row);
    expect(differences).not.toContain("| seed |");
    expect(text).not.toContain("| noise.mean | 0.1 |");
  });

  it("has the further metrics in a table of their own, and says why one is missing", () => {
    const text = report();
    const { denoised } = summarizeImages(perImage);
    const gaussian = `${denoised.ssimGaussian?.mean.toFixed(4)} ± ${denoised.ssimGaussian?.ci95.toFixed(4)}`;
    const mae = `${denoised.mae?.mean.toFixed(4)} ± ${denoised.mae?.ci95.toFixed(4)}`;
    expect(text).toContain(`| Denoised | ${gaussian} | – | ${mae} |`);
    expect(text).toContain("needs sides of 161 pixels; these images have 16.");
    const earlier = perImage.map(({ mae: _, ssimGaussian: __, msSsim: ___, ...rest }) => rest);
    const test = summarizeImages(earlier);
    expect(report({ ...run.result, test })).not.toContain("Gaussian one");
  });

  it("tells what the engine said of the device and which losses of it the run survived, in sentences", () => {
    const text = report();
    const section = text.slice(text.indexOf("### Particular"), text.indexOf("### Settings"));
    expect(section.split("\n").filter((line) => line.startsWith("- "))).toEqual([
      "- The device's memory holds 1 of 2 images, so a step takes 2 passes.",
      "- 2026-01-02 03:05 UTC: the graphics device was lost after step 3; the run went on from the checkpoint of step 2, to the same numbers. Reported was: The graphics device was lost (test).",
    ]);
    expect(text).toContain("| Engine | tfjs-wasm, float32 (measured a step: ");
  });

  it("says nothing where there was nothing particular", () => {
    const plain = { ...run, started: run.started && { ...run.started, notes: [] } };
    expect(report({ ...run.result, recoveries: [] }, perImage, plain)).not.toContain("### Particular");
  });

  it("says how LPIPS were measured, or that there were no weights and how to get them", () => {
    const measured = perImage.map((image, i) => ({ ...image, lpips: 0.1 + i / 100, noisyLpips: 0.5 }));
    const value = { network: "squeeze", engine: "tfjs-webgpu", seconds: 3.25 } as const;
    const measuredText = report({
      ...run.result,
      test: { ...summarizeImages(measured), lpips: { ok: true, value } },
    });
    expect(measuredText).toMatch(/\| Denoised \| .* \| 0\.1100 ± 0\.\d{4} \|/);
    expect(measuredText).toContain("LPIPS v0.1 with SqueezeNet, measured in 3.3 s on tfjs-webgpu");
    const without = report({
      ...run.result,
      test: { ...summarizeImages(perImage), lpips: { ok: false, failure: NO_LPIPS_WEIGHTS } },
    });
    expect(without).toMatch(/\| Denoised \| .* \| no weights \|/);
    expect(without).toContain(`LPIPS: no weights. ${NO_LPIPS_WEIGHTS.remedy}`);
    expect(report()).toMatch(/\| Denoised \| .* \| not measured \|/);
  });

  it("reads back from result.json how LPIPS were measured or why not", () => {
    const value = { network: "alex", engine: "tfjs-wasm", seconds: 1.5 } as const;
    for (const lpips of [{ ok: true, value } as const, { ok: false, failure: NO_LPIPS_WEIGHTS } as const]) {
      const result = { ...run.result, test: { ...summarizeImages(perImage), lpips } };
      expect(parseResultJson(resultJson(run, result)).result.test?.lpips).toEqual(lpips);
    }
    expect(parseResultJson(resultJson(run, run.result)).result.test?.lpips).toBeUndefined();
  });

  it("does not compare with noise the study did not test", () => {
    const config = { ...run.config, noise: { ...run.config.noise, std: 0.15 } };
    expect(report({ ...run.result, config })).toContain("has no results at σ = 0.15");
  });

  it("names phantoms as synthetic, images left out of a mean, and a run cut short", () => {
    const dataset = { ...run.result.dataset, synthetic: true };
    expect(report({ ...run.result, dataset })).toContain("10 synthetic phantoms (generated, no patient)");
    const perfect = perImage.map((image, i) =>
      i === 0 ? { ...image, psnrDb: Number.POSITIVE_INFINITY } : image,
    );
    const test = summarizeImages(perfect);
    expect(report({ ...run.result, test }, perfect)).toContain("1 denoised images equal the clean ones");
    const failure = {
      code: "training/nan-loss",
      message: "The loss is NaN.",
      remedy: "Lower the rate.",
    } as const;
    const cut = report({ ...run.result, test: null, complete: false }, [], { ...run, failure });
    expect(cut).toContain("**This run failed**: The loss is NaN. Lower the rate.");
    expect(cut).toContain("No test was made");
    expect(cut).not.toMatch(/NaN ±|undefined|\bnull\b.*\|$/m);
  });
});

describe("PAPER_RESULTS", () => {
  it("has the 14 rows of the study, one for each noise, network and setup it ran", () => {
    expect(PAPER_RESULTS).toHaveLength(14);
    const keys = new Set(PAPER_RESULTS.map(({ noiseStd, model, setup }) => `${noiseStd} ${model} ${setup}`));
    expect(keys.size).toBe(14);
    // DDP with mixed precision took 62.65 % and 64.69 % less time than one GPU.
    const seconds = (model: string, setup: string) =>
      PAPER_RESULTS.find((row) => row.noiseStd === 0.1 && row.model === model && row.setup === setup)
        ?.seconds ?? 0;
    const saved = (model: string) =>
      100 * (1 - seconds(model, "2 GPUs, DDP + mixed precision") / seconds(model, "1 GPU"));
    expect(saved("unet")).toBeCloseTo(62.65, 1);
    expect(saved("unetpp")).toBeCloseTo(64.69, 1);
  });
});
