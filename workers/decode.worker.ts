import type { DecodeTask } from "./import/decodePool";
import { makePixels } from "./import/makePixels";
import { servePort } from "./portPool";

/** The bridge hands over one port; the import worker is at its other end. */
self.onmessage = ({ data: port }: MessageEvent<MessagePort>): void =>
  servePort<DecodeTask, Uint8Array<ArrayBuffer>>(port, makePixels, (pixels) => [pixels.buffer]);
