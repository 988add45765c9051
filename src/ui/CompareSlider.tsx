import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";
import classes from "./CompareSlider.module.css";
import { ZoomLayer, ZoomView } from "./ZoomView";
import type { Zoom } from "./zoom";

const KEY_STEP = 2;
const PAGE_STEP = 10;

export interface CompareSliderProps {
  readonly before: ReactNode;
  readonly after: ReactNode;
  /** Words for the two sides, e.g. `Noisy` and `Denoised`. */
  readonly beforeLabel: string;
  readonly afterLabel: string;
  readonly aspect: number;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}

/** Where a key moves the divider (percent from the left), or null. */
export function dividerByKey(percent: number, key: string): number | null {
  const to = (value: number) => Math.min(100, Math.max(0, value));
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return to(percent - KEY_STEP);
    case "ArrowRight":
    case "ArrowUp":
      return to(percent + KEY_STEP);
    case "PageDown":
      return to(percent - PAGE_STEP);
    case "PageUp":
      return to(percent + PAGE_STEP);
    case "Home":
      return 0;
    case "End":
      return 100;
    default:
      return null;
  }
}

/** Two images of the same thing on top of each other with a divider to drag: left of it `before`, right of it `after`. */
export function CompareSlider({
  before,
  after,
  beforeLabel,
  afterLabel,
  aspect,
  zoom,
  onZoom,
}: CompareSliderProps) {
  const [percent, setPercent] = useState(50);
  const box = useRef<HTMLDivElement>(null);

  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const area = box.current?.getBoundingClientRect();
    if (!area || area.width === 0) return;
    setPercent(Math.min(100, Math.max(0, ((event.clientX - area.left) / area.width) * 100)));
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const next = dividerByKey(percent, event.key);
    if (next === null) return;
    event.preventDefault();
    setPercent(next);
  };

  return (
    <div ref={box} className={classes["box"]}>
      <ZoomView
        label={`${beforeLabel} and ${afterLabel}, compared`}
        zoom={zoom}
        onZoom={onZoom}
        aspect={aspect}
      >
        <ZoomLayer zoom={zoom}>{after}</ZoomLayer>
        <div className={classes["clip"]} style={{ clipPath: `inset(0 ${100 - percent}% 0 0)` }}>
          <ZoomLayer zoom={zoom}>{before}</ZoomLayer>
        </div>
        <span className={classes["tag"]} data-side="left" data-hidden={percent < 18 || undefined}>
          {beforeLabel}
        </span>
        <span className={classes["tag"]} data-side="right" data-hidden={percent > 82 || undefined}>
          {afterLabel}
        </span>
      </ZoomView>
      <div
        role="slider"
        tabIndex={0}
        aria-label={`Divider: left of it ${beforeLabel.toLowerCase()}, right of it ${afterLabel.toLowerCase()}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(percent)}
        aria-valuetext={`${Math.round(percent)} percent ${beforeLabel.toLowerCase()}`}
        className={classes["divider"]}
        style={{ left: `${percent}%` }}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onKeyDown={onKeyDown}
      >
        <span className={classes["knob"]} aria-hidden>
          ‹›
        </span>
      </div>
    </div>
  );
}
