import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { StudyPicture, StudyRun } from "@/contracts/studyReport";
import { FURTHER_FILE } from "@/evaluation/csv";
import { readRunFiles } from "@/evaluation/importRun";
import { decodeNpy } from "@/imaging/npy";

/** Weights and curves are left alone: a report needs neither, and there are many runs. */
const NEEDED = ["result.json", "per-image.csv", FURTHER_FILE, "test-images.csv"];

const missing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";

/** The run whose result files lie in `folder`. Fails as `readRunFiles` does. */
export async function readStudyRun(folder: string, name: string): Promise<StudyRun> {
  const files = await Promise.all(
    NEEDED.map(async (path) => {
      try {
        const bytes = new Uint8Array(await readFile(join(folder, path)));
        return { path, bytes: async () => bytes };
      } catch (error) {
        if (missing(error)) return null;
        throw error;
      }
    }),
  );
  const { run } = await readRunFiles(
    files.filter((file) => file !== null),
    { id: name, name, createdAt: 0 },
  );
  if (!run.result) throw new Error(`${folder} holds no result.`);
  return { id: run.id, name, createdAt: run.createdAt, result: run.result, perImage: run.perImage };
}

/** The first `count` test images of a run, where they were exported with it. */
export async function readStudyPictures(
  folder: string,
  { id, perImage }: StudyRun,
  count: number,
): Promise<StudyPicture[]> {
  const pictures: StudyPicture[] = [];
  for (const [place, image] of (perImage ?? []).slice(0, count).entries()) {
    const array = async (kind: string) =>
      decodeNpy(await readFile(join(folder, "arrays", `${String(place).padStart(3, "0")}_${kind}.npy`)));
    try {
      const [clean, noisy, denoised] = await Promise.all([array("clean"), array("noisy"), array("denoised")]);
      pictures.push({
        runId: id,
        imageIndex: image.index,
        key: image.contentHash,
        size: clean.shape[0] ?? 0,
        clean: clean.data,
        noisy: noisy.data,
        denoised: denoised.data,
        psnrDb: image.psnrDb,
        noisyPsnrDb: image.noisyPsnrDb,
      });
    } catch (error) {
      if (missing(error)) break;
      throw error;
    }
  }
  return pictures;
}
