/**
 * The scripts of `pytorch/` that train a bundle, as text: a browser that exports one has no checkout to take them from.
 * Path in the bundle → source. The table of the noise keeps its place beside them, where `noise.py` looks for it.
 */
const SOURCES: Record<string, string> = import.meta.glob(
  [
    "/pytorch/{train,trainer,bundle,processes,networks,shared_norm,noise,device_noise,random_stream}.py",
    "/pytorch/{image_metrics,interval,result_files,trace_recorder,tiny_safetensors}.py",
    "/src/imaging/normalTable.ts",
  ],
  { query: "?raw", import: "default", eager: true },
);

export const PYTORCH_SCRIPTS: ReadonlyMap<string, string> = new Map(
  Object.entries(SOURCES).map(([path, text]) => [path.slice(1), text]),
);
