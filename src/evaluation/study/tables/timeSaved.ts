import type { StudyCell, StudyTable } from "@/contracts/studyReport";
import { PAPER_RESULTS } from "@/evaluation/paperResults";
import { deviceOf } from "@/evaluation/reportParts";
import { absent, Footnotes, mean, number, SECONDS_DIGITS, withMarks, words } from "../cells";
import { paperResult, rowCells, rowColumns, type StudyContext } from "../context";
import { listed, setupTitle } from "../names";
import { methodDifferences, type RunCell } from "../runCells";
import { isShared, secondsInterval } from "../seconds";
import { SHARED_SENTENCE } from "./setups";

const PERCENT_DIGITS = 1;

function sameWork(a: RunCell, b: RunCell): boolean {
  return JSON.stringify([a.model, a.noise, a.data]) === JSON.stringify([b.model, b.noise, b.data]);
}

/** Why two runs' seconds cannot be set beside each other; null when they can. */
function incomparable(cell: RunCell, base: RunCell): string | null {
  const [a, b] = [cell.runs[0].result, base.runs[0].result];
  if (!a.complete || !b.complete) return "one ended early";
  if (a.engine.name !== b.engine.name) return `another engine: ${b.engine.name}`;
  if (deviceOf(a) !== deviceOf(b)) return "another device";
  const differences = methodDifferences(b.config, a.config).filter((path) => !path.startsWith("engine."));
  return differences.length > 0 ? `other ${listed(differences)}` : null;
}

/**
 * Percent of wall time saved against `base`, its interval from those of both times (first-order propagation). None is claimed
 * where replicas shared a device.
 */
function saved(cell: RunCell, base: RunCell | undefined, footnotes: Footnotes): StudyCell {
  if (isShared(cell)) return absent("shared device: none claimed", [footnotes.mark(SHARED_SENTENCE)]);
  if (!base) return absent("no run of one device");
  const why = incomparable(cell, base);
  if (why !== null) return absent(why);
  const [time, single] = [secondsInterval(cell), secondsInterval(base)];
  const ratio = time.mean / single.mean;
  const ci95 = 100 * ratio * Math.hypot(time.ci95 / time.mean, single.ci95 / single.mean);
  return mean({ mean: 100 * (1 - ratio), ci95 }, PERCENT_DIGITS);
}

function paperSaved(cell: RunCell): StudyCell {
  const paper = paperResult(cell);
  const single =
    paper &&
    PAPER_RESULTS.find(
      ({ model, noiseStd, setup }) =>
        model === paper.model && noiseStd === paper.noiseStd && setup === "1 GPU",
    );
  if (!paper || !single) return absent("not in the study");
  return number(100 * (1 - paper.seconds / single.seconds), 2);
}

/** Table V: time saved by more devices and by mixed precision, each alone and together. Null where nothing can be compared. */
export function timeSavedTable(context: StudyContext): StudyTable | null {
  const { cells } = context;
  const singleOf = (cell: RunCell, precision: "f32" | "mixed"): RunCell | undefined =>
    cells.find(
      (other) =>
        other.engine.setup === "single" && other.engine.precision === precision && sameWork(other, cell),
    );
  const faster = cells.filter(
    (cell) =>
      (cell.engine.setup !== "single" || cell.engine.precision !== "f32") &&
      (singleOf(cell, "f32") || singleOf(cell, "mixed")),
  );
  if (faster.length === 0) return null;
  const footnotes = new Footnotes();
  const rows = faster.map((cell) => {
    const alone = cell.engine.setup === "single";
    return [
      ...rowCells(context, cell),
      isShared(cell)
        ? withMarks(words(`${setupTitle(cell.engine)} (shared device)`), [footnotes.mark(SHARED_SENTENCE)])
        : words(setupTitle(cell.engine)),
      mean(secondsInterval(cell), SECONDS_DIGITS),
      alone ? absent("–") : saved(cell, singleOf(cell, cell.engine.precision), footnotes),
      saved(cell, singleOf(cell, "f32"), footnotes),
      paperSaved(cell),
    ];
  });
  return {
    id: "table-5",
    title: "Table V",
    caption:
      "Time saved against one device: in the same precision (what the setup alone saves), and against float32 (setup and precision together, as the study counts). Batch sizes are per replica, here as there.",
    columns: [
      ...rowColumns(context),
      { id: "setup", title: "Setup", unit: null, source: "condition" },
      { id: "ours.seconds", title: "Time", unit: "s", source: "ours" },
      { id: "ours.savedSamePrecision", title: "Saved, same precision", unit: "%", source: "ours" },
      { id: "ours.saved", title: "Saved, against float32", unit: "%", source: "ours" },
      { id: "paper.saved", title: "Saved", unit: "%", source: "paper" },
    ],
    rows,
    footnotes: footnotes.sentences,
  };
}
