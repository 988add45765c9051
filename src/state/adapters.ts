import { useEffect, useState } from "react";
import { adapterName } from "./adapter";

let found: Promise<readonly string[]> | null = null;

/** Names of the adapters that the browser tells apart; it lists none, but gives what suits a wish. */
async function look(): Promise<readonly string[]> {
  // Absent outside secure contexts and in browsers without WebGPU, whatever the types say.
  const gpu = (navigator as { readonly gpu?: GPU }).gpu;
  const names = new Set<string>();
  for (const powerPreference of ["high-performance", "low-power"] as const) {
    const adapter = await gpu?.requestAdapter({ powerPreference }).catch(() => null);
    if (adapter) names.add(adapterName(adapter.info));
  }
  return [...names];
}

/** The adapters for several replicas; null until they are known, or while nobody `wants` to know. */
export function useAdapters(wanted: boolean): readonly string[] | null {
  const [names, setNames] = useState<readonly string[] | null>(null);
  useEffect(() => {
    if (!wanted) return;
    let shown = true;
    found ??= look();
    void found.then((all) => {
      if (shown) setNames(all);
    });
    return () => {
      shown = false;
    };
  }, [wanted]);
  return names;
}
