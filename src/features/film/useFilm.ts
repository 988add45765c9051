import { useThrottledValue } from "@mantine/hooks";
import { useEffect, useState } from "react";
import type { Failure } from "@/contracts/failure";
import type { Film } from "@/contracts/film";
import { loadFilm } from "@/state/film";

/** A film in the making is read again at most this often. */
const READ_MS = 2000;

/** The stored film of a run (null: it has none), read again when `version` changes; `undefined` until it is known. */
export function useFilm(
  runId: string | null,
  version: number,
): { readonly film: Film | null | undefined; readonly failure: Failure | null } {
  const [known, setKnown] = useState<{
    readonly runId: string;
    readonly film: Film | null;
    readonly failure: Failure | null;
  } | null>(null);
  const calmVersion = useThrottledValue(version, READ_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: read again when a checkpoint has stored more frames
  useEffect(() => {
    if (runId === null) return;
    let current = true;
    void loadFilm(runId).then((outcome) => {
      if (!current) return;
      setKnown({
        runId,
        film: outcome.ok ? outcome.value : null,
        failure: outcome.ok ? null : outcome.failure,
      });
    });
    return () => {
      current = false;
    };
  }, [runId, calmVersion]);
  if (known === null || known.runId !== runId) return { film: undefined, failure: null };
  return known;
}
