import { type KeyboardEvent, type PointerEvent, type ReactNode, useEffect, useRef } from "react";
import classes from "./ZoomView.module.css";
import { panBy, WHOLE_IMAGE, type Zoom, zoomAt, zoomByKey, zoomTransform } from "./zoom";

const WHEEL_SPEED = 0.0015;
const DOUBLE_CLICK_SCALE = 4;

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface ZoomViewProps {
  /** What is shown, e.g. `Noisy image`. */
  readonly label: string;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
  /** Width / height of the image. */
  readonly aspect: number;
  readonly children: ReactNode;
}

/**
 * A window onto an image: wheel, pinch, drag, double click and the keys + − 0 and arrows zoom and pan. Give several
 * views the same `zoom` and they move together. What scales goes into `ZoomLayer`s; other children stay in place.
 */
export function ZoomView({ label, zoom, onZoom, aspect, children }: ZoomViewProps) {
  const frame = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, Point>());
  // Several moves can come between two renders: each starts from what the one before it asked for.
  const latest = useRef({ zoom, onZoom });
  useEffect(() => {
    latest.current = { zoom, onZoom };
  });
  const apply = (next: Zoom) => {
    const { onZoom: tell } = latest.current;
    latest.current = { zoom: next, onZoom: tell };
    tell(next);
  };

  const place = (event: { clientX: number; clientY: number }): Point => {
    const box = frame.current?.getBoundingClientRect();
    if (!box || box.width === 0) return { x: 0.5, y: 0.5 };
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  };

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      const now = latest.current.zoom;
      // Nothing left to zoom out: let the page scroll.
      if (event.deltaY > 0 && now.scale === 1) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const px = (event.clientX - box.left) / box.width;
      const py = (event.clientY - box.top) / box.height;
      const next = zoomAt(now, Math.exp(-event.deltaY * WHEEL_SPEED), px, py);
      latest.current = { zoom: next, onZoom: latest.current.onZoom };
      latest.current.onZoom(next);
    };
    // React's wheel listeners are passive: they cannot keep the page from scrolling.
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, []);

  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    pointers.current.set(event.pointerId, place(event));
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    const { zoom: current } = latest.current;
    if (!other) {
      if (current.scale > 1) apply(panBy(current, now.x - before.x, now.y - before.y));
      return;
    }
    const spread = (point: Point) => Math.hypot(point.x - other.x, point.y - other.y);
    const factor = spread(now) / Math.max(spread(before), 1e-3);
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    const moved = panBy(current, (now.x - before.x) / 2, (now.y - before.y) / 2);
    apply(zoomAt(moved, factor, middle.x, middle.y));
  };
  const onPointerEnd = (event: PointerEvent<HTMLDivElement>) => {
    pointers.current.delete(event.pointerId);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = zoomByKey(latest.current.zoom, event.key);
    if (!next) return;
    event.preventDefault();
    apply(next);
  };

  return (
    <div
      ref={frame}
      role="application"
      aria-roledescription="zoomable image"
      aria-label={`${label}. Keys: plus and minus zoom, arrows move, 0 shows the whole image.`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the view is operated by keys, so it must take focus.
      tabIndex={0}
      className={classes["view"]}
      data-zoomed={zoom.scale > 1 || undefined}
      style={{ aspectRatio: aspect }}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerEnd}
      onPointerCancel={onPointerEnd}
      onDoubleClick={(event) => {
        const { x, y } = place(event);
        apply(zoom.scale > 1 ? WHOLE_IMAGE : zoomAt(zoom, DOUBLE_CLICK_SCALE, x, y));
      }}
      onKeyDown={onKeyDown}
    >
      {children}
    </div>
  );
}

/** Content of a `ZoomView` that zooms and pans with it; covers the view at scale 1. */
export function ZoomLayer({ zoom, children }: { readonly zoom: Zoom; readonly children: ReactNode }) {
  return (
    <div className={classes["layer"]} style={{ transform: zoomTransform(zoom) }}>
      {children}
    </div>
  );
}
