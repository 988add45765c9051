import type { Film, FilmChange, FilmMoment } from "@/contracts/film";
import { rangeOfRun } from "./curves";
import { openDatabase } from "./database";
import type { RunTransaction } from "./runTransaction";

/** The film of a run, or null when it has none (trained by an earlier version, imported without). */
export async function readFilm(runId: string): Promise<Film | null> {
  const transaction = (await openDatabase()).transaction(["films", "filmFrames"]);
  const images = await transaction.objectStore("films").get(runId);
  if (!images) return null;
  // Keys sort by step.
  const frames = await transaction.objectStore("filmFrames").getAll(rangeOfRun(runId));
  return { images, frames };
}

/** The moments of a run's film, ascending by step; none when it has no film. */
export async function listFilmMoments(runId: string): Promise<FilmMoment[]> {
  const film = await readFilm(runId);
  return (film?.frames ?? []).map(({ step, epoch, validationLoss }) => ({ step, epoch, validationLoss }));
}

/** The runs that have a film. */
export async function listFilms(): Promise<string[]> {
  return (await openDatabase()).getAllKeys("films");
}

/** Changes a run's film within the caller's transaction. */
export async function writeFilm(
  transaction: RunTransaction,
  runId: string,
  { images, frames, dropped }: FilmChange,
): Promise<void> {
  const store = transaction.objectStore("filmFrames");
  for (const step of dropped) await store.delete([runId, step]);
  if (images) await transaction.objectStore("films").put({ ...images, runId });
  for (const frame of frames) await store.put({ ...frame, runId });
}

/** Deletes a run's film within the caller's transaction. */
export async function deleteFilm(transaction: RunTransaction, runId: string): Promise<void> {
  await transaction.objectStore("films").delete(runId);
  await transaction.objectStore("filmFrames").delete(rangeOfRun(runId));
}
