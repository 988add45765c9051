import { expose, type ProxyMethods, releaseProxy, transfer } from "comlink";
import { LabError, type Outcome, outcomeOf } from "@/contracts/failure";
import type { DenoiseRequest, EvaluationApi, GreyImage } from "@/contracts/workers";
import { encodePng16 } from "@/imaging/encodePng";
import { buildGraph } from "@/model/build";
import { forwardFlops } from "@/model/cost";
import { countParameters } from "@/model/parameters";
import { deleteLpipsWeights } from "@/storage/lpips";
import { deleteModel, modelIdsOfRun, renameModel } from "@/storage/models";
import { deleteRun, renameRun } from "@/storage/runs";
import { denoiseFile } from "./evaluation/denoiseFile";
import { Denoiser } from "./evaluation/denoiser";
import { ImageSource } from "./evaluation/images";
import { chooseInferenceEngine } from "./evaluation/inferenceEngine";
import { importLpipsFiles } from "./evaluation/lpipsWeights";
import { importModelFile } from "./evaluation/models";
import { PreviewMaker } from "./evaluation/preview";
import type { StudyMaker } from "./evaluation/studyReport";
import { storedLpips } from "./storedLpips";

const denoiser = new Denoiser(chooseInferenceEngine);
const previews = new PreviewMaker(new ImageSource(), denoiser);

/** Raised by `cancel`: what was asked for before it ends. */
let cancellations = 0;
/** Raised by `cancelStudy`, likewise. */
let studyCancellations = 0;
/** Files are denoised one after the other, so that the first is done early. */
let denoising: Promise<unknown> = Promise.resolve();

/** Loaded with the first report; it keeps the pictures that it has made. */
let studyMaker: Promise<StudyMaker> | null = null;
const studies = (): Promise<StudyMaker> => {
  studyMaker ??= import("./evaluation/studyReport").then(({ StudyMaker }) => new StudyMaker(denoiser));
  return studyMaker;
};

/** Hands the pixels over instead of copying them. An image may stand in two places. */
function handOver<T>(outcome: Outcome<T>, images: (value: T) => readonly (GreyImage | null)[]): Outcome<T> {
  if (!outcome.ok) return outcome;
  const buffers = images(outcome.value).flatMap((image) => (image ? [image.data.buffer] : []));
  return transfer(outcome, [...new Set(buffers)]);
}

function denoiseInTurn(
  request: DenoiseRequest,
  onProgress: Parameters<EvaluationApi["denoise"]>[1],
): ReturnType<EvaluationApi["denoise"]> {
  const asked = cancellations;
  const cancelled = (): boolean => asked !== cancellations;
  const turn = denoising.then(() =>
    outcomeOf(() => {
      if (cancelled())
        throw new LabError("run/cancelled", `${request.file.name} was not denoised.`, "Start it again.");
      return denoiseFile(denoiser, request, onProgress, cancelled);
    }),
  );
  denoising = turn;
  return turn;
}

const api: EvaluationApi = {
  previewNoise: async (request) =>
    handOver(await outcomeOf(() => previews.make(request)), ({ clean, noisy, denoised }) => [
      clean,
      noisy,
      denoised,
    ]),
  denoise: async (request, onProgress) => {
    const outcome = await denoiseInTurn(request, onProgress);
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return handOver(outcome, ({ input, denoised, clean }) => [input, denoised, clean]);
  },
  cancel: () => {
    cancellations++;
    return Promise.resolve();
  },
  encodePng16: ({ width, height, data }) =>
    outcomeOf(() => new Blob([encodePng16(width, height, data)], { type: "image/png" })),
  importModel: (file) => outcomeOf(() => importModelFile(file)),
  importLpips: (files) => outcomeOf(() => importLpipsFiles(files)),
  measureLpips: async (id, onProgress) => {
    const asked = cancellations;
    const cancelled = (): boolean => asked !== cancellations;
    const outcome = await outcomeOf(async () =>
      (await import("./evaluation/measureLpips")).measureLpips({
        id,
        denoiser,
        open: () => storedLpips(),
        onProgress,
        cancelled,
      }),
    );
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return outcome;
  },
  deleteLpips: (network) => outcomeOf(() => deleteLpipsWeights(network)),
  renameModel: (id, name) => outcomeOf(() => renameModel(id, name)),
  deleteModel: (id) =>
    outcomeOf(async () => {
      await deleteModel(id);
      await denoiser.forget(id);
    }),
  renameRun: (id, name) => outcomeOf(() => renameRun(id, name)),
  deleteRun: (id) =>
    outcomeOf(async () => {
      const modelIds = await modelIdsOfRun(id);
      await deleteRun(id);
      for (const modelId of modelIds) await denoiser.forget(modelId);
    }),
  // The zip library is loaded with the first export or import: sliders need none of it.
  exportRun: (id, paths, film) =>
    outcomeOf(async () => (await import("./evaluation/runs")).exportStoredRun(id, paths, denoiser, film)),
  studyReport: (request) => outcomeOf(async () => (await studies()).view(request)),
  studyPictures: async (request, onProgress) => {
    const asked = studyCancellations;
    const outcome = await outcomeOf(async () =>
      (await studies()).drawings(request, onProgress, () => asked !== studyCancellations),
    );
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return outcome;
  },
  studyFile: async (request, format, onProgress) => {
    const asked = studyCancellations;
    const outcome = await outcomeOf(async () =>
      (await studies()).file(request, format, onProgress, () => asked !== studyCancellations),
    );
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return outcome;
  },
  cancelStudy: () => {
    studyCancellations++;
    return Promise.resolve();
  },
  importRun: (files) => outcomeOf(async () => (await import("./evaluation/runs")).importStoredRun(files)),
  exportForPytorch: async (request, onProgress) => {
    const outcome = await outcomeOf(async () =>
      (await import("./evaluation/pytorchExport")).exportForPytorch(request, onProgress),
    );
    (onProgress as unknown as ProxyMethods)[releaseProxy]();
    return outcome;
  },
  describeModel: (model, size) =>
    outcomeOf(() => {
      const graph = buildGraph(model);
      return {
        parameters: countParameters(graph),
        forwardGflopsPerImage: forwardFlops(graph, size, size) / 1e9,
      };
    }),
};

expose(api);
