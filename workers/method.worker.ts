import { type MethodOutput, type MethodTask, runMethod } from "@/evaluation/methods/task";
import { servePort } from "./portPool";

/** The bridge hands over one port; the comparison worker is at its other end. */
self.onmessage = ({ data: port }: MessageEvent<MessagePort>): void =>
  servePort<MethodTask, MethodOutput>(port, runMethod, ({ denoised }) => [denoised.buffer]);
