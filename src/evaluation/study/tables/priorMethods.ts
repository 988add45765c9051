import type { StudyCell, StudyTable } from "@/contracts/studyReport";
import { TRAINED_METHODS } from "@/evaluation/methods/registry";
import { PAPER_PRIOR_METHODS } from "@/evaluation/paperResults";
import {
  absent,
  count,
  difference,
  Footnotes,
  mean,
  number,
  PSNR_DIGITS,
  pValue,
  SIMILARITY_DIGITS,
  words,
} from "../cells";
import type { StudyContext } from "../context";
import { absentMetric, type Metric, metricColumn, metricOf, shownMetrics } from "../metrics";
import { listed, NETWORK_ORDER, NETWORK_TITLES, networkTitle, setupTitle } from "../names";
import type { TestedRun } from "../runCells";
import { comparedRuns, runsBesideMethods, sameImages } from "../sameImages";

const SECONDS_DIGITS = 4;

/** Metrics of a run's network or of a method on its test images. */
const qualityCells = (
  metrics: readonly Metric[],
  of: object,
  run: TestedRun,
  footnotes: Footnotes,
): StudyCell[] =>
  metrics.map((metric) => {
    const value = metricOf(of, metric.id);
    return value ? mean(value, metric.digits) : absentMetric(run, metric, footnotes);
  });

/** "U-Net, width 8"; with its setup where that is not one device in float32. */
function runTitle({ result: { config } }: TestedRun): string {
  const { setup, precision } = config.engine;
  const usual = setup === "single" && precision === "f32";
  return `${networkTitle(config.model)}, width ${config.model.width}${usual ? "" : `, ${setupTitle(config.engine)}`}`;
}

/** Table VI: networks and methods that are not trained, all on the same noisy test images. Null where none was compared. */
export function priorMethodsTable(context: StudyContext): StudyTable | null {
  const groups = sameImages(context);
  if (groups.length === 0) return null;
  const named = NETWORK_ORDER.filter((name) => groups.some((group) => comparedRuns(group).has(name)));
  const metrics = shownMetrics(
    groups.flatMap(({ runs }) => runs.flatMap(({ result }) => result.methods ?? [])),
  );
  const severalSeeds = new Set(groups.map(({ seed }) => seed)).size > 1;
  const trained = TRAINED_METHODS.filter(({ name }) =>
    groups.some(({ runs }) =>
      runs.some(({ result }) => result.methods?.some((method) => method.name === name)),
    ),
  ).map(({ title }) => title);
  const others = groups.some((group) => runsBesideMethods(group).length < group.runs.length);
  const footnotes = new Footnotes();
  const rows = groups.flatMap((group) => {
    const networks = comparedRuns(group);
    const [first] = networks.values();
    const lead = (title: string): StudyCell[] => [
      words(title),
      words(context.noiseOf(group.noise)),
      ...(context.letters ? [words(group.letter ?? "–")] : []),
      ...(severalSeeds ? [number(group.seed, 0)] : []),
    ];
    const ours = runsBesideMethods(group).map((run) => [
      ...lead(runTitle(run)),
      count(run.result.test.count),
      ...qualityCells(metrics, run.result.test.denoised, run, footnotes),
      absent("–"),
      ...named.flatMap(() => [absent("–"), absent("–")]),
    ]);
    if (!first) return ours;
    const methods = (first.result.methods ?? []).map((method) => [
      ...lead(method.title),
      count(first.result.test.count),
      ...qualityCells(metrics, method, first, footnotes),
      number(method.seconds, SECONDS_DIGITS),
      ...named.flatMap((name) => {
        const other = networks.get(name)?.result.methods?.find((one) => one.name === method.name);
        return other
          ? [difference(other.versusNetwork.differenceDb, PSNR_DIGITS), pValue(other.versusNetwork.holmP)]
          : [absent("not compared"), absent("–")];
      }),
    ]);
    return [...ours, ...methods];
  });
  return {
    id: "table-6",
    title: "Table VI",
    caption: `Against methods that are not trained${trained.length > 0 ? ` and ${listed(trained)} with stored weights` : ""}, all on the same noisy test images; each method knows σ and the mean of the noise. “Less the method” is the mean difference of PSNR per image with its 95 % bootstrap interval (BCa); p is Wilcoxon's, two-sided, after Holm's correction over the methods of a run.${others ? " Networks are those of one device; their other setups stand in Table IV." : ""}`,
    columns: [
      { id: "method", title: "Method", unit: null, source: "condition" },
      { id: "noise", title: "Noise", unit: null, source: "condition" },
      ...(context.letters
        ? [{ id: "images", title: "Images", unit: null, source: "condition" } as const]
        : []),
      ...(severalSeeds ? [{ id: "seed", title: "Seed", unit: null, source: "condition" } as const] : []),
      { id: "tested", title: "Test images", unit: null, source: "ours" },
      ...metrics.map((metric) => metricColumn(metric, "ours")),
      { id: "ours.seconds", title: "Time of an image", unit: "s", source: "ours" },
      ...named.flatMap((name) => [
        {
          id: `ours.${name}.less`,
          title: `${NETWORK_TITLES[name]} less the method`,
          unit: "dB",
          source: "ours",
        } as const,
        { id: `ours.${name}.p`, title: `p, ${NETWORK_TITLES[name]}`, unit: null, source: "ours" } as const,
      ]),
    ],
    rows,
    footnotes: footnotes.sentences,
  };
}

/** What the study quotes of prior methods: other images and another noise, so a table of its own. */
export function quotedMethodsTable(): StudyTable {
  const column = (id: string, title: string, unit: string | null) =>
    ({ id: `paper.${id}`, title, unit, source: "paper" }) as const;
  return {
    id: "table-6-quoted",
    title: "Table VI, as quoted in the study",
    caption:
      "Prior methods as the study quotes them: natural images with σ 15 and 25 of 255 (0.059 and 0.098), which it sets beside its own 10 % and 20 % on X-rays. Other images and another noise: no measure of these methods on the images above.",
    columns: [
      { id: "method", title: "Method", unit: null, source: "condition" },
      column("psnrAt15", "PSNR, σ 15 of 255", "dB"),
      column("ssimAt15", "SSIM, σ 15 of 255", null),
      column("psnrAt25", "PSNR, σ 25 of 255", "dB"),
      column("ssimAt25", "SSIM, σ 25 of 255", null),
    ],
    rows: PAPER_PRIOR_METHODS.map(({ title, at15, at25 }) => [
      words(title),
      number(at15.psnrDb, 2),
      number(at15.ssim, SIMILARITY_DIGITS),
      number(at25.psnrDb, 2),
      number(at25.ssim, SIMILARITY_DIGITS),
    ]),
    footnotes: [],
  };
}
