import { chooseEngine } from "@/engine/chooseEngine";
import { getEngine, type RunnableEngine } from "@/engine/registry";
import type { SessionContext } from "./engines";

const RUNNABLE: readonly RunnableEngine[] = ["webgpu", "tfjs-webgpu", "tfjs-webgl", "tfjs-wasm", "tfjs-cpu"];

/** The engines of this version of the lab. */
export const installedEngines: SessionContext["engines"] = {
  get(name) {
    const known = RUNNABLE.find((runnable) => runnable === name);
    return known ? getEngine(known) : null;
  },
  choose: chooseEngine,
};
