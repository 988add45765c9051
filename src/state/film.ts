import { type Outcome, toFailure } from "@/contracts/failure";
import type { Film } from "@/contracts/film";
import { listFilms, readFilm } from "@/storage/films";

/** The stored film of a run; null when it has none. */
export async function loadFilm(runId: string): Promise<Outcome<Film | null>> {
  try {
    return { ok: true, value: await readFilm(runId) };
  } catch (error) {
    return { ok: false, failure: toFailure(error) };
  }
}

/** The ids of the runs that have a film; none where they cannot be read. */
export async function runsWithFilm(): Promise<ReadonlySet<string>> {
  try {
    return new Set(await listFilms());
  } catch {
    return new Set();
  }
}
