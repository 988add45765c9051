import type { StudyTable } from "@/contracts/studyReport";
import { PAPER_DEVICE } from "@/evaluation/paperResults";
import { deviceName } from "@/evaluation/reportParts";
import { absent, number, words } from "../cells";
import type { StudyContext } from "../context";
import { listed } from "../names";
import type { TestedRun } from "../runCells";

const BROWSERS = [
  [/Edg\/(\d+)/, "Edge"],
  [/Firefox\/(\d+)/, "Firefox"],
  [/(?:Headless)?Chrome\/(\d+)/, "Chromium"],
  [/Version\/(\d+).*Safari/, "Safari"],
] as const;

/** "Chromium 141"; what is none of the known browsers goes by its first words. */
export function browserName(userAgent: string): string {
  for (const [pattern, name] of BROWSERS) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return userAgent.slice(0, 60) || "unknown";
}

const replicasOf = ({ result: { replicas } }: TestedRun): string => {
  if (replicas.length < 2) return "1";
  return replicas.some(({ shared }) => shared)
    ? `${replicas.length}, sharing a device`
    : `${replicas.length}, each with its own: ${listed(replicas.map(({ adapter }) => adapter))}`;
};

/** Table II: where the runs were computed. Hardware that is emulated in software is called so. */
export function devicesTable({ cells }: StudyContext): StudyTable {
  const rows = new Map<string, { readonly run: TestedRun; readonly names: string[] }>();
  for (const { runs } of cells)
    for (const run of runs) {
      const { environment, engine } = run.result;
      const key = JSON.stringify([
        environment.adapter,
        environment.cores,
        environment.userAgent,
        environment.commit,
        engine.name,
        replicasOf(run),
      ]);
      const row = rows.get(key);
      if (row) row.names.push(run.name);
      else rows.set(key, { run, names: [run.name] });
    }
  return {
    id: "table-2",
    title: "Table II",
    caption: "Devices: what the runs were computed on, and what the study's were.",
    columns: [
      { id: "device", title: "Device", unit: null, source: "condition" },
      { id: "cores", title: "CPU cores", unit: null, source: "condition" },
      { id: "engine", title: "Engine", unit: null, source: "condition" },
      { id: "replicas", title: "Replicas", unit: null, source: "condition" },
      { id: "browser", title: "Browser", unit: null, source: "condition" },
      { id: "commit", title: "Build", unit: null, source: "condition" },
      { id: "runs", title: "Runs", unit: null, source: "condition" },
    ],
    rows: [
      ...[...rows.values()].map(({ run, names }) => {
        const { engine, environment } = run.result;
        return [
          words(deviceName(engine.name, environment.adapter)),
          number(environment.cores, 0),
          words(engine.name),
          words(replicasOf(run)),
          words(browserName(environment.userAgent)),
          words(environment.commit),
          words(listed(names)),
        ];
      }),
      [
        words(`${PAPER_DEVICE} (the study)`),
        absent("–"),
        words("PyTorch"),
        words("1; 2 with DP; 2 with DDP"),
        absent("–"),
        absent("–"),
        words("the study's"),
      ],
    ],
    footnotes: [],
  };
}
