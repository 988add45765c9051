import { type StudyCell, studyCellText } from "@/contracts/studyReport";
import { paperConfig } from "../paperResults";
import { pValue } from "./cells";
import { networkTitle, setupTitle } from "./names";
import type { TestedRun } from "./runCells";

export const decibels = (cell: StudyCell): string => `${studyCellText(cell)} dB`;

/** "p = 0.0123", "p < 0.0001". */
export function pWords(p: number): string {
  const text = studyCellText(pValue(p));
  return `p ${text.startsWith("<") ? text : `= ${text}`}`;
}

/** "U-Net", with its width where that is not the study's, and its setup where that is not one device. */
export function runWords({ result: { config } }: TestedRun): string {
  const { model, engine } = config;
  const width = model.width === paperConfig(config).model.width ? "" : ` width ${model.width}`;
  return `${networkTitle(model)}${width}${engine.setup === "single" ? "" : ` (${setupTitle(engine)})`}`;
}
