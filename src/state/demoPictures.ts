import { useEffect } from "react";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { previewNoise } from "@/bridge/evaluation";
import type { PreviewStrip } from "@/contracts/training";
import { DEMO_CONFIG } from "./demo";

/** Clean and noisy phantoms like the demo's, to look at until the network has pictures of its own; null while there are none. */
const picturesStore = createStore<{ readonly strip: PreviewStrip | null }>(() => ({ strip: null }));

const COUNT = 4;
let asked = false;

const toBytes = (data: Float32Array): Uint8ClampedArray =>
  Uint8ClampedArray.from(data, (value) => value * 255);

async function render(): Promise<void> {
  const { seed, noise, data } = DEMO_CONFIG;
  const { size } = data;
  const noisy = new Uint8Array(COUNT * size ** 2);
  const clean = new Uint8Array(COUNT * size ** 2);
  const noisyPsnrDb: number[] = [];
  // One after the other: a newer preview replaces one that waits.
  for (let index = 0; index < COUNT; index++) {
    const outcome = await previewNoise({
      source: { kind: "phantom", seed, index, size },
      noise,
      seed,
      modelId: null,
    });
    // The pictures are a prelude; without them their places stay empty until the run brings its own.
    if (!outcome.ok) return;
    noisy.set(toBytes(outcome.value.noisy.data), index * size ** 2);
    clean.set(toBytes(outcome.value.clean.data), index * size ** 2);
    noisyPsnrDb.push(outcome.value.noisyPsnrDb);
  }
  const denoised = new Uint8Array(0);
  const strip = { step: 0, epoch: 0, count: COUNT, size, noisy, denoised, clean, psnrDb: [], noisyPsnrDb };
  picturesStore.setState({ strip });
}

/** Phantoms without a network's output, rendered once when first asked for. */
export function useDemoPictures(): PreviewStrip | null {
  useEffect(() => {
    if (asked) return;
    asked = true;
    void render();
  }, []);
  return useStore(picturesStore, (state) => state.strip);
}
