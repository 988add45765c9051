import { Text } from "@mantine/core";
import { type RunConfig, setupOf } from "@/contracts/runConfig";
import { useAdapters } from "@/state/adapters";

/** Offered in the form; a link may ask for others. */
export const SETUPS = ["single", "dp:2", "ddp:2", "ddp:3", "ddp:4"] as const;

/** What a setup is called. */
export function setupName(setup: string): string {
  const [kind, replicas] = setup.split(":");
  if (kind === "dp") return `DataParallel, ${replicas} replicas`;
  return kind === "ddp" ? `DistributedDataParallel, ${replicas} replicas` : "One";
}

/** What the setup chosen does, and what this machine has for it. */
export function SetupNote({ draft }: { readonly draft: Pick<RunConfig, "engine" | "training"> }) {
  const { kind, replicas } = setupOf(draft);
  const adapters = useAdapters(kind !== "single");
  if (kind === "single") return null;
  const images = draft.training.batchSize * replicas;
  const what =
    kind === "dp"
      ? `Every step the first replica sends images and weights to the others, gets their gradients, and updates alone: ${images} images a step.`
      : `Every replica has a shard of the images and its own copy of the network; all apply the mean of their gradients: ${images} images a step.`;
  return (
    <Text size="sm" c="dimmed">
      {what} {devicesNote(adapters, draft.engine.name, replicas)}
    </Text>
  );
}

/** One sentence on the devices; null adapters: not known yet. */
export function devicesNote(
  adapters: readonly string[] | null,
  engine: RunConfig["engine"]["name"],
  replicas: number,
): string {
  if (engine === "tfjs-wasm" || engine === "tfjs-cpu")
    return "Here they share the processor: no speed-up is claimed.";
  if (adapters === null) return "";
  if (adapters.length === 0) return "This browser shows no GPU, so they share the processor.";
  if (adapters.length === 1)
    return `This browser shows one GPU (${adapters[0]}): shared GPU, no speed-up is claimed.`;
  const shared =
    replicas > adapters.length ? " Some replicas share one: no speed-up is claimed for them." : "";
  return `This browser shows ${adapters.length} GPUs: ${adapters.join(", ")}.${shared}`;
}
