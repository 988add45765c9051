import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import * as evaluation from "@/bridge/evaluation";
import type { Failure, Outcome } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import type { StudyCrop } from "@/contracts/studyReport";
import type {
  ComparisonProgress,
  StudyDrawnPictures,
  StudyFormat,
  StudyRequest,
  StudyView,
} from "@/contracts/workers";

export interface StudyReportState {
  readonly runIds: readonly string[];
  /** Of the last runs for which it could be made; it lags behind `runIds` while the next is made. */
  readonly view: StudyView | null;
  readonly failure: Failure | null;
  /** Test images of Figures 5 to 7, by content hash. */
  readonly keys: readonly string[];
  readonly crop: StudyCrop;
  /** Null before pictures were asked for. */
  readonly pictures: StudyDrawnPictures | null;
  /** What the worker makes now: pictures, or a file in this format. */
  readonly working: "pictures" | StudyFormat | null;
  readonly progress: ComparisonProgress | null;
  /** Why the last pictures or file could not be made; null after a cancel. */
  readonly workFailure: Failure | null;
}

/** Around the middle of the left half of a frontal radiograph. */
const FIRST_CROP: StudyCrop = { left: 0.2, top: 0.3, side: 0.25 };
const FIRST_IMAGES = 3;

const IDLE: StudyReportState = {
  runIds: [],
  view: null,
  failure: null,
  keys: [],
  crop: FIRST_CROP,
  pictures: null,
  working: null,
  progress: null,
  workFailure: null,
};
export const studyReportStore = createStore<StudyReportState>(() => IDLE);

export function useStudyReport(): StudyReportState {
  return useStore(studyReportStore);
}

/** A run that has a place in a report. */
export const isReportable = ({ result }: RunRecord): boolean => result?.test != null;

/** What a report is first made from: the tested runs that came to their end on the images of the newest of them. */
export function firstChoice(runs: readonly RunRecord[]): readonly string[] {
  const ended = runs.filter((run) => isReportable(run) && run.status === "done");
  const [newest] = ended.toSorted((a, b) => b.createdAt - a.createdAt);
  const images = ({ result, config }: RunRecord): string =>
    JSON.stringify([result?.dataset.fingerprint, result?.dataset.images, config.data.size]);
  return newest ? ended.filter((run) => images(run) === images(newest)).map(({ id }) => id) : [];
}

const requestOf = ({ runIds, keys, crop }: StudyReportState): StudyRequest => ({ runIds, keys, crop });
const sameRuns = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();

/** Makes the report of these runs; a later choice overtakes it. */
export async function showReport(runIds: readonly string[]): Promise<void> {
  const before = studyReportStore.getState();
  if (!sameRuns(before.runIds, runIds)) {
    if (before.working) cancelStudyWork();
    studyReportStore.setState({ runIds, failure: null, pictures: null, workFailure: null });
  }
  if (runIds.length === 0) {
    studyReportStore.setState({ view: null });
    return;
  }
  const outcome = await evaluation.studyReport(requestOf(studyReportStore.getState()));
  if (!sameRuns(studyReportStore.getState().runIds, runIds)) return;
  if (!outcome.ok) {
    studyReportStore.setState({ view: null, failure: outcome.failure });
    return;
  }
  const { testImages } = outcome.value;
  const known = new Set(testImages.map(({ key }) => key));
  const kept = studyReportStore.getState().keys.filter((key) => known.has(key));
  const keys = kept.length > 0 ? kept : testImages.slice(0, FIRST_IMAGES).map(({ key }) => key);
  studyReportStore.setState({ view: outcome.value, failure: null, keys });
  // A run may have been compared, renamed or gone on: pictures and what is left out are of the report that is shown.
  const { pictures, working } = studyReportStore.getState();
  if (pictures && working === null) void drawPictures();
}

/** Work in progress; only the latest tells its progress and its result. */
let latest = 0;

async function work<T>(
  kind: NonNullable<StudyReportState["working"]>,
  call: (onProgress: (progress: ComparisonProgress) => void) => Promise<Outcome<T>>,
): Promise<Outcome<T> | null> {
  const turn = ++latest;
  // What is overtaken shall not keep the worker from what is wanted now.
  if (studyReportStore.getState().working) cancelStudyWork();
  studyReportStore.setState({ working: kind, progress: null, workFailure: null });
  const outcome = await call((progress) => {
    if (turn === latest) studyReportStore.setState({ progress });
  });
  if (turn !== latest) return null;
  const failure = outcome.ok || outcome.failure.code === "run/cancelled" ? null : outcome.failure;
  studyReportStore.setState({ working: null, progress: null, workFailure: failure });
  return outcome;
}

/** Draws Figures 5 to 7 for the chosen test images and crop. */
export async function drawPictures(): Promise<void> {
  const request = requestOf(studyReportStore.getState());
  const outcome = await work("pictures", (onProgress) => evaluation.studyPictures(request, onProgress));
  if (outcome?.ok && sameRuns(studyReportStore.getState().runIds, request.runIds))
    studyReportStore.setState({ pictures: outcome.value });
}

/** Chooses the test images; pictures that are shown are drawn again. */
export function chooseImages(keys: readonly string[]): void {
  const { pictures } = studyReportStore.getState();
  studyReportStore.setState({ keys });
  if (pictures) void drawPictures();
}

export function setCrop(crop: StudyCrop): void {
  studyReportStore.setState({ crop });
}

/** The crop stands still: pictures that are shown are drawn with it. */
export function applyCrop(crop: StudyCrop): void {
  setCrop(crop);
  if (studyReportStore.getState().pictures) void drawPictures();
}

/** The report as a file: with pictures where they are shown. Null when it was overtaken. */
export function makeFile(format: StudyFormat): Promise<Outcome<Blob> | null> {
  const state = studyReportStore.getState();
  const request = { ...requestOf(state), keys: state.pictures ? state.keys : [] };
  return work(format, (onProgress) => evaluation.studyFile(request, format, onProgress));
}

export function cancelStudyWork(): void {
  void evaluation.cancelStudy();
}
