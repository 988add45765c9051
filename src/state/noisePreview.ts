import { useCallback, useEffect, useRef, useState } from "react";
import { previewNoise } from "@/bridge/evaluation";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";
import type { NoisePreview, NoisePreviewRequest } from "@/contracts/workers";
import { LatestQueue } from "./latestQueue";
import type { NoiseSettings } from "./noise";

export interface ShownPreview {
  readonly preview: NoisePreview;
  /** What it was made for: while a slider moves, this lags behind the settings. */
  readonly request: NoisePreviewRequest;
  readonly ms: number;
}

export interface PreviewState {
  readonly shown: ShownPreview | null;
  readonly failure: Failure | null;
  /** A newer preview is being made. */
  readonly pending: boolean;
  /** Makes the preview once more, after a failure. */
  readonly retry: () => void;
}

/** The same picture: an older result for it is worth showing while the wanted one is made. */
export function samePicture(a: NoisePreviewRequest, b: NoisePreviewRequest): boolean {
  return JSON.stringify(a.source) === JSON.stringify(b.source) && a.modelId === b.modelId;
}

/**
 * `next` with the clean image and histogram of `shown` where they are the same: what is drawn already need not be drawn
 * again while a slider moves.
 */
export function keepClean(shown: ShownPreview | null, next: ShownPreview): ShownPreview {
  if (!shown || JSON.stringify(shown.request.source) !== JSON.stringify(next.request.source)) return next;
  const { clean, cleanHistogram } = shown.preview;
  return { ...next, preview: { ...next.preview, clean, cleanHistogram } };
}

async function timedPreview(
  request: NoisePreviewRequest,
): Promise<{ readonly outcome: Outcome<NoisePreview>; readonly ms: number }> {
  const start = performance.now();
  try {
    return { outcome: await previewNoise(request), ms: performance.now() - start };
  } catch (error) {
    return { outcome: { ok: false, failure: toFailure(error) }, ms: performance.now() - start };
  }
}

/** One queue for all views: the worker makes one preview at a time. */
const previews = new LatestQueue({ work: timedPreview, keep: samePicture });

/** What to ask the worker for, for the image `steps` after the settings' own. */
export function previewRequest(
  { source, mean, std, seed, modelId }: NoiseSettings,
  index: number,
  withModel: boolean,
): NoisePreviewRequest {
  return {
    source:
      source.kind === "phantom"
        ? { kind: "phantom", seed: source.seed, index, size: source.size }
        : { kind: "dataset", datasetId: source.datasetId, index },
    noise: { mean, std },
    seed,
    modelId: withModel ? modelId : null,
  };
}

/**
 * The preview for `request`, made again when it changes; null asks for nothing. `key` names the view: a view's newer
 * request replaces its waiting one. `delayMs` waits until the settings have been still for that long.
 */
export function useNoisePreview(key: string, request: NoisePreviewRequest | null, delayMs = 0): PreviewState {
  const [state, setState] = useState<Omit<PreviewState, "retry">>({
    shown: null,
    failure: null,
    pending: true,
  });
  const again = useRef<() => void>(() => {});
  // Requests are small and plain: their text is what changes.
  const text = request && JSON.stringify(request);
  const wanted = useRef(text);
  useEffect(() => {
    wanted.current = text;
    if (text === null) {
      setState({ shown: null, failure: null, pending: false });
      return;
    }
    const asked = JSON.parse(text) as NoisePreviewRequest;
    setState((state) => {
      const shown = state.shown && samePicture(state.shown.request, asked) ? state.shown : null;
      // The same state means no second rendering for each move of a slider.
      if (state.pending && state.failure === null && state.shown === shown) return state;
      return { shown, failure: null, pending: true };
    });
    const ask = () =>
      previews.ask(key, asked, ({ outcome, ms }, done) => {
        const pending = JSON.stringify(done) !== wanted.current;
        if (outcome.ok)
          setState(({ shown }) => ({
            shown: keepClean(shown, { preview: outcome.value, request: done, ms }),
            failure: null,
            pending,
          }));
        else if (!pending) setState({ shown: null, failure: outcome.failure, pending });
      });
    again.current = ask;
    if (delayMs === 0) ask();
    const timer = delayMs === 0 ? null : setTimeout(ask, delayMs);
    return () => {
      if (timer !== null) clearTimeout(timer);
    };
  }, [key, text, delayMs]);
  // Only leaving drops a running request: its result is worth showing while the next one is made.
  useEffect(() => () => previews.drop(key), [key]);
  const retry = useCallback(() => again.current(), []);
  return { ...state, retry };
}
