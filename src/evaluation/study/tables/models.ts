import type { ModelConfig } from "@/contracts/runConfig";
import type { StudyTable } from "@/contracts/studyReport";
import { PAPER_PARAMETERS, PAPER_WIDTH } from "@/evaluation/paperResults";
import { buildGraph } from "@/model/build";
import { countParameters } from "@/model/parameters";
import { absent, count, Footnotes, number, withMarks, words } from "../cells";
import type { StudyContext } from "../context";
import { networkTitle } from "../names";
import type { TestedRun } from "../runCells";

const STATED =
  "The parameters that the study states do not fit its channel numbers; the counts at width 64 are of its own published layers.";

/** Table I: the networks with their parameters, counted from the graph, beside what the study states. */
export function modelsTable({ cells }: StudyContext): StudyTable {
  const runs = new Map<string, TestedRun>();
  for (const { runs: counted } of cells)
    for (const run of counted) {
      const { model, data } = run.result.config;
      const key = JSON.stringify([model.name, model.norm, model.width, data.size]);
      if (!runs.has(key)) runs.set(key, run);
    }
  const atStudyWidth = (model: ModelConfig): number =>
    countParameters(buildGraph({ ...model, width: PAPER_WIDTH }));
  const footnotes = new Footnotes();
  return {
    id: "table-1",
    title: "Table I",
    caption: `Networks. Parameters are counted from the graph that ran; ${PAPER_WIDTH} is the width that the study's channel numbers give.`,
    columns: [
      { id: "network", title: "Network", unit: null, source: "condition" },
      { id: "width", title: "Width", unit: null, source: "condition" },
      { id: "size", title: "Image side", unit: "px", source: "condition" },
      { id: "parameters", title: "Parameters", unit: null, source: "ours" },
      { id: "gflop", title: "Forward pass", unit: "GFLOP", source: "ours" },
      { id: "counted", title: `Parameters at width ${PAPER_WIDTH}`, unit: null, source: "ours" },
      { id: "paper.parameters", title: "Parameters as stated", unit: null, source: "paper" },
    ],
    rows: [...runs.values()].map(({ result: { config, model } }) => {
      const stated = PAPER_PARAMETERS[config.model.name];
      return [
        words(networkTitle(config.model)),
        number(config.model.width, 0),
        number(config.data.size, 0),
        count(model.parameters),
        number(model.forwardGflopsPerImage, decimalsOf(model.forwardGflopsPerImage)),
        count(atStudyWidth(config.model)),
        stated === undefined
          ? absent("not in the study")
          : withMarks(words(stated), [footnotes.mark(STATED)]),
      ];
    }),
    footnotes: footnotes.sentences,
  };
}

/** Decimals that leave about four digits. */
function decimalsOf(value: number): number {
  return value > 0 ? Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(value)))) : 0;
}
