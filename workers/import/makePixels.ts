import { renderPhantom } from "@/imaging/phantom";
import { prepareImage } from "@/imaging/prepare";
import type { DecodeTask } from "./decodePool";

/** Does a decode worker's task: [size, size] grey bytes. Failures: those of `prepareImage`. */
export async function makePixels(task: DecodeTask): Promise<Uint8Array<ArrayBuffer>> {
  switch (task.kind) {
    case "file":
      return prepareImage(task.bytes, task.path, task.size);
    case "phantom":
      return renderPhantom(task.size, task.seed, task.index);
    default:
      return task satisfies never;
  }
}
