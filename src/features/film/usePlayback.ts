import { useEffect, useState } from "react";

/** Moves on by one notch after another while it plays; stops at the last. Started at the last, it begins anew. */
export function usePlayback(request: {
  readonly index: number;
  readonly last: number;
  readonly framesPerSecond: number;
  readonly go: (index: number) => void;
}): { readonly playing: boolean; readonly toggle: () => void; readonly stop: () => void } {
  const { index, last, framesPerSecond, go } = request;
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (index >= last) {
      setPlaying(false);
      return;
    }
    const timer = setTimeout(() => go(index + 1), 1000 / framesPerSecond);
    return () => clearTimeout(timer);
  }, [playing, index, last, framesPerSecond, go]);
  return {
    playing,
    toggle: () => {
      if (!playing && index >= last) go(0);
      setPlaying(!playing);
    },
    stop: () => setPlaying(false),
  };
}
