import type { StudyCrop, StudyPicture, StudyPictureFigure } from "@/contracts/studyReport";
import type { StudyContext } from "./context";
import { NETWORK_ORDER, networkTitle } from "./names";
import { dataKey, type RunCell, type TestedRun } from "./runCells";

/** Around the middle of the left lung of a frontal radiograph. */
export const DEFAULT_CROP: StudyCrop = { left: 0.2, top: 0.3, side: 0.25 };
/** Absolute error drawn white: the smallest σ of the study. */
const ERROR_WHITE = 0.1;

const FIGURE_NUMBERS: Readonly<Record<string, number>> = { "0.1": 5, "0.2": 6, "0.3": 7 };

interface Shown {
  readonly run: TestedRun;
  readonly picture: StudyPicture;
}

/** Of several runs of one network on one image, the one of a single device in float32 first, then the newest. */
function preferred(a: TestedRun, b: TestedRun): number {
  const plain = ({ result }: TestedRun): number => {
    const { setup, precision } = result.config.engine;
    return Number(setup === "single") * 2 + Number(precision === "f32");
  };
  return plain(b) - plain(a) || b.createdAt - a.createdAt;
}

/** Runs whose pictures figures show: of each network, noise, seed and set of images the preferred one. */
export function picturedRuns(cells: readonly RunCell[]): ReadonlySet<string> {
  const best = new Map<string, TestedRun>();
  for (const run of cells.flatMap(({ runs }) => [...runs])) {
    const { model, noise, seed } = run.result.config;
    const key = JSON.stringify([model, noise.mean, noise.std, seed, dataKey(run)]);
    const known = best.get(key);
    if (!known || preferred(run, known) < 0) best.set(key, run);
  }
  return new Set([...best.values()].map(({ id }) => id));
}

/** Figures 5 to 7: one a noise level and test image, with every network that has a picture of it with the same noise. */
export function pictureFigures(
  { cells, noiseOf: titleOf }: StudyContext,
  pictures: readonly StudyPicture[],
  crop: StudyCrop,
): StudyPictureFigure[] {
  const runs = new Map(cells.flatMap((cell) => cell.runs.map((run) => [run.id, run] as const)));
  const groups = new Map<string, Shown[]>();
  for (const picture of pictures) {
    const run = runs.get(picture.runId);
    if (!run) continue;
    const { noise, seed } = run.result.config;
    const key = JSON.stringify([noise.std, noise.mean, seed, picture.key, picture.imageIndex, picture.size]);
    groups.set(key, [...(groups.get(key) ?? []), { run, picture }]);
  }
  const places = new Map<string, number>();
  return [...groups.values()]
    .toSorted((a, b) => noiseOf(a).std - noiseOf(b).std || noiseOf(a).mean - noiseOf(b).mean)
    .map((group) => {
      const noise = noiseOf(group);
      const figureNumber = FIGURE_NUMBERS[String(noise.std)];
      const base = figureNumber ? `figure-${figureNumber}` : `figure-noise-${noise.std}`;
      const place = (places.get(base) ?? 0) + 1;
      places.set(base, place);
      return figureOf(group, { id: `${base}-${place}`, figureNumber, crop, noiseTitle: titleOf(noise) });
    });
}

const noiseOf = ([first]: readonly Shown[]): { readonly mean: number; readonly std: number } => ({
  mean: first?.run.result.config.noise.mean ?? 0,
  std: first?.run.result.config.noise.std ?? 0,
});

function figureOf(
  group: readonly Shown[],
  {
    id,
    figureNumber,
    crop,
    noiseTitle,
  }: {
    readonly id: string;
    readonly figureNumber: number | undefined;
    readonly crop: StudyCrop;
    readonly noiseTitle: string;
  },
): StudyPictureFigure {
  const networks = new Map<string, Shown>();
  for (const shown of group.toSorted((a, b) => preferred(a.run, b.run))) {
    const { model } = shown.run.result.config;
    const key = JSON.stringify([model.name, model.norm, model.width]);
    if (!networks.has(key)) networks.set(key, shown);
  }
  const widths = new Set([...networks.values()].map(({ run }) => run.result.config.model.width));
  const ordered = [...networks.values()].toSorted((a, b) => {
    const [modelA, modelB] = [a.run.result.config.model, b.run.result.config.model];
    return (
      NETWORK_ORDER.indexOf(modelA.name) - NETWORK_ORDER.indexOf(modelB.name) || modelA.width - modelB.width
    );
  });
  const { run, picture } = ordered[0] as Shown;
  const { noise } = run.result.config;
  return {
    kind: "pictures",
    id,
    title: figureNumber ? `Figure ${figureNumber}` : `At ${noiseTitle}`,
    caption: `Test image ${picture.imageIndex} with ${noiseTitle}: whole, its crop enlarged (bicubic), and the absolute error, white at ${ERROR_WHITE}. Brightness is clamped to [0, 1] for showing; PSNR is of what is not clamped.`,
    imageIndex: picture.imageIndex,
    key: picture.key,
    noise: { mean: noise.mean, std: noise.std },
    size: picture.size,
    crop,
    errorWhite: ERROR_WHITE,
    columns: [
      { label: "Noisy", role: "noisy", runId: run.id, psnrDb: finite(picture.noisyPsnrDb) },
      ...ordered.map((shown) => ({
        label:
          widths.size > 1
            ? `${networkTitle(shown.run.result.config.model)} w${shown.run.result.config.model.width}`
            : networkTitle(shown.run.result.config.model),
        role: "network" as const,
        runId: shown.run.id,
        psnrDb: finite(shown.picture.psnrDb),
      })),
      { label: "Clean", role: "clean", runId: run.id, psnrDb: null },
    ],
  };
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
