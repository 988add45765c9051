import { outcomeOf } from "@/contracts/failure";
import type { DecodeReply, DecodeRequest } from "./import/decodePool";
import { makePixels } from "./import/makePixels";

/** The bridge hands over one port; the import worker is at its other end. */
self.onmessage = ({ data: port }: MessageEvent<MessagePort>): void => {
  port.onmessage = async ({ data: { id, task } }: MessageEvent<DecodeRequest>): Promise<void> => {
    const outcome = await outcomeOf(() => makePixels(task));
    const reply: DecodeReply = { id, outcome };
    port.postMessage(reply, outcome.ok ? [outcome.value.buffer] : []);
  };
};
