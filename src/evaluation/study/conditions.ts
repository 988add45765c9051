import { diffConfigs, explicitConfig, NETWORK_TITLES, type RunConfig } from "@/contracts/runConfig";
import type { StudyTable } from "@/contracts/studyReport";
import { PAPER_DATA, PAPER_DEVICE, paperConfig } from "../paperResults";
import { deviceOf } from "../reportParts";
import { number, words } from "./cells";
import type { StudyContext } from "./context";
import { THE_STUDY } from "./markdown";
import { networkTitle, noiseTitle, setupTitle } from "./names";
import type { TestedRun } from "./runCells";

/** "1,200 images of 300 patients", or "24 synthetic phantoms". */
export function imagesOf({ result: { dataset } }: TestedRun): string {
  const images = dataset.images.toLocaleString("en-US");
  return dataset.synthetic
    ? `${images} synthetic phantoms (generated, no patient)`
    : `${images} images of ${dataset.patients.toLocaleString("en-US")} patients`;
}

const countedRuns = ({ cells }: StudyContext): TestedRun[] => cells.flatMap(({ runs }) => [...runs]);

/** What each run that counts was made with, one a row. */
export function conditionsTable(context: StudyContext): StudyTable {
  const { letters, cells } = context;
  const letterOf = new Map(
    cells.flatMap(({ runs, data }) => runs.map((run) => [run.id, letters?.get(data)])),
  );
  return {
    id: "conditions",
    title: "Conditions",
    caption: "Each run that counts, as it was made.",
    columns: [
      "Run",
      "Network",
      "Noise",
      "Images",
      "Split",
      "Training",
      "Seed",
      "Setup",
      "Device",
      "Build",
    ].map((title) => ({ id: title.toLowerCase(), title, unit: null, source: "condition" })),
    rows: countedRuns(context).map((run) => {
      const { result, name, id } = run;
      const { config, dataset, environment } = result;
      const { training, data, noise } = config;
      const letter = letterOf.get(id);
      return [
        words(name),
        words(`${networkTitle(config.model)}, width ${config.model.width}`),
        words(`${noiseTitle(noise)}, ${noise.draw === "fresh" ? "afresh at each visit" : "drawn once"}`),
        words(`${letter ? `${letter}: ` : ""}${imagesOf(run)}, ${data.size}×${data.size}`),
        words(`${dataset.train} / ${dataset.validation} / ${dataset.test}, by ${data.splitBy}`),
        words(
          `${training.loss.toUpperCase()}, Adam ${training.learningRate}, batch ${training.batchSize}, ${result.epochs.length} of ${training.epochs} epochs`,
        ),
        number(config.seed, 0),
        words(setupTitle(config.engine)),
        words(`${result.engine.name}: ${deviceOf(result)}`),
        words(environment.commit),
      ];
    }),
    footnotes: [],
  };
}

/** Fields that say where and how a run was made, or that have a column of their own: no difference to the study. */
const NOT_THE_METHOD =
  /^(data\.(source|maxImages)|mode|seed|engine\.(name|setup|precision)|evaluation\..*|trace)$/;

const FIELD_TITLES: Readonly<Record<string, string>> = {
  "data.size": "Image side (px)",
  "data.split": "Split into training, validation and test",
  "data.splitBy": "Split by",
  "noise.mean": "Mean of the noise",
  "noise.draw": "Training noise drawn",
  "model.name": "Network",
  "model.width": "Width of the network",
  "model.norm": "BatchNorm after which convolutions",
  "training.loss": "Loss",
  "training.learningRate": "Learning rate",
  "training.batchSize": "Batch size a replica",
  "training.epochs": "Epochs",
  "training.maxSteps": "Steps at most",
  "training.earlyStoppingPatience": "Epochs without improvement until it stops",
  "engine.payload": "Gradients exchanged as",
  "engine.batchNorm": "BatchNorm goes by statistics",
};

const VALUE_WORDS: Readonly<Record<string, string>> = {
  once: "once for all epochs",
  fresh: "afresh at each visit",
  last: "the second of a block",
  both: "both of a block",
  none: "none",
  null: "no limit",
  f16: "16-bit floats",
  f32: "32-bit floats",
  local: "of each replica",
  synchronised: "of all replicas",
  ...NETWORK_TITLES,
};

function valueText(value: unknown): string {
  const text = Array.isArray(value) ? value.join(", ") : String(value);
  return VALUE_WORDS[text] ?? text;
}

/** "a" where every run has it, else "a (2 runs); b (1 run)". */
function perRun(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  if (counts.size === 1) return values[0] ?? "";
  return [...counts].map(([value, n]) => `${value} (${n} ${n === 1 ? "run" : "runs"})`).join("; ");
}

function fieldAt(config: RunConfig, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>> | undefined)?.[key], config);
}

/** What is not as in the study: its data, its hardware, and every setting of its protocol that a run changed. */
export function differencesTable(context: StudyContext): StudyTable {
  const runs = countedRuns(context);
  const configs = runs.map(({ result }) => explicitConfig(result.config));
  const paths = new Map<string, unknown>();
  for (const config of configs)
    for (const { path, base } of diffConfigs(explicitConfig(paperConfig(config)), config))
      if (!NOT_THE_METHOD.test(path)) paths.set(path, base);
  const number = (value: number): string => value.toLocaleString("en-US");
  const early = runs.filter(({ result }) => !result.complete);
  const rows: [string, string, string][] = [
    [
      "Images",
      `${number(PAPER_DATA.images)} of ${PAPER_DATA.description}, ${number(PAPER_DATA.test)} tested`,
      perRun(runs.map((run) => `${imagesOf(run)}, ${number(run.result.test.count)} tested`)),
    ],
    ["Hardware", PAPER_DEVICE, perRun(runs.map(({ result }) => deviceOf(result)))],
    ...[...paths].map(([path, base]): [string, string, string] => [
      FIELD_TITLES[path] ?? path,
      valueText(base),
      perRun(configs.map((config) => valueText(fieldAt(config, path)))),
    ]),
    ...early.map(({ name, result }): [string, string, string] => [
      `Epochs done by ${name}`,
      String(paperConfig(result.config).training.epochs),
      `${result.epochs.length}, ended early`,
    ]),
  ];
  return {
    id: "differences",
    title: "Differences from the study",
    caption:
      "What was done otherwise than in the study. Its numbers and ours are comparable only as far as this allows.",
    columns: [
      { id: "what", title: "What", unit: null, source: "condition" },
      { id: "paper", title: THE_STUDY, unit: null, source: "paper" },
      { id: "ours", title: "These runs", unit: null, source: "ours" },
    ],
    rows: rows.map((row) => row.map(words)),
    footnotes: [],
  };
}
