import { type DragEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { ImportSource } from "@/contracts/workers";
import classes from "./DropTarget.module.css";
import { type FoundListener, filesOfDrop } from "./droppedFiles";

export interface DropTargetProps {
  /** What dropping here does, e.g. `Drop to import`. Shown while something is held over it. */
  readonly hint: string;
  readonly onSources: (sources: ImportSource[]) => void;
  readonly onFound: FoundListener;
  readonly onFailure: (error: unknown) => void;
  readonly children: ReactNode;
}

/** An area that takes dropped files and folders. It only adds dropping: its children hold buttons that do the same. */
export function DropTarget({ hint, onSources, onFound, onFailure, children }: DropTargetProps) {
  // Entering a child leaves its parent: count, so that the highlight does not flicker.
  const depth = useRef(0);
  const [over, setOver] = useState(false);
  const wants = (event: DragEvent) => event.dataTransfer.types.includes("Files");
  useEffect(() => {
    // A file dropped beside the target would otherwise replace the page.
    const stay = (event: globalThis.DragEvent) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    };
    window.addEventListener("dragover", stay);
    window.addEventListener("drop", stay);
    return () => {
      window.removeEventListener("dragover", stay);
      window.removeEventListener("drop", stay);
    };
  }, []);
  const leave = () => {
    depth.current = 0;
    setOver(false);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is an addition for pointers; buttons inside do the same.
    <div
      className={classes["target"]}
      data-over={over || undefined}
      onDragEnter={(event) => {
        if (!wants(event)) return;
        event.preventDefault();
        depth.current += 1;
        setOver(true);
      }}
      onDragOver={(event) => {
        if (!wants(event)) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = "copy";
      }}
      onDragLeave={() => {
        depth.current -= 1;
        if (depth.current <= 0) leave();
      }}
      onDrop={(event) => {
        if (!wants(event)) return;
        event.preventDefault();
        leave();
        filesOfDrop(event.dataTransfer, onFound).then(onSources, onFailure);
      }}
    >
      {children}
      {over && <div className={classes["hint"]}>{hint}</div>}
    </div>
  );
}
