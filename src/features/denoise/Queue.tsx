import { ActionIcon, Button, Group, Progress, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconClock, IconRefresh, IconX } from "@tabler/icons-react";
import {
  continueDenoising,
  type DenoiseItem,
  haltDenoising,
  removeImage,
  retryImage,
  selectImage,
} from "@/state/denoise";
import { formatSeconds } from "@/ui/format";
import { plural } from "@/ui/plural";
import classes from "./Queue.module.css";

export interface QueueProps {
  readonly items: readonly DenoiseItem[];
  readonly selectedId: string | null;
  readonly halted: boolean;
  readonly hasModel: boolean;
}

/** The images to denoise and how far each is. */
export function Queue({ items, selectedId, halted, hasModel }: QueueProps) {
  const done = items.filter(({ status }) => status === "done").length;
  const running = items.some(({ status }) => status === "running");
  const waiting = items.some(({ status }) => status === "waiting");
  return (
    <Stack gap="xs">
      <Group justify="space-between" gap="xs">
        <Text size="sm" fw={500} aria-live="polite">
          {done} of {plural(items.length, "image")} done
        </Text>
        {running && (
          <Button variant="default" size="compact-sm" onClick={haltDenoising}>
            Stop
          </Button>
        )}
        {!running && waiting && halted && hasModel && (
          <Button size="compact-sm" onClick={continueDenoising}>
            Continue
          </Button>
        )}
      </Group>
      <ul className={classes["list"]}>
        {items.map((item) => (
          <li key={item.id} className={classes["item"]} data-selected={item.id === selectedId || undefined}>
            <UnstyledButton
              className={classes["choose"]}
              aria-pressed={item.id === selectedId}
              onClick={() => selectImage(item.id)}
            >
              <Group gap="xs" wrap="nowrap">
                <StatusIcon item={item} />
                <div className={classes["text"]}>
                  <Text size="sm" truncate>
                    {item.name}
                  </Text>
                  <ItemLine item={item} hasModel={hasModel} />
                </div>
              </Group>
            </UnstyledButton>
            {item.status === "failed" && (
              <ActionIcon
                variant="subtle"
                aria-label={`Try ${item.name} again`}
                onClick={() => retryImage(item.id)}
              >
                <IconRefresh size={16} />
              </ActionIcon>
            )}
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Remove ${item.name}`}
              onClick={() => removeImage(item.id)}
            >
              <IconX size={16} />
            </ActionIcon>
          </li>
        ))}
      </ul>
    </Stack>
  );
}

function StatusIcon({ item }: { readonly item: DenoiseItem }) {
  switch (item.status) {
    case "done":
      return <IconCircleCheck size={18} color="var(--lab-good)" aria-label="Done" />;
    case "failed":
      return <IconAlertTriangle size={18} color="var(--lab-bad)" aria-label="Failed" />;
    case "waiting":
    case "running":
      return <IconClock size={18} color="var(--mantine-color-dimmed)" aria-label={item.status} />;
    default:
      return item.status satisfies never;
  }
}

function ItemLine({ item, hasModel }: { readonly item: DenoiseItem; readonly hasModel: boolean }) {
  switch (item.status) {
    case "waiting":
      return (
        <Text size="xs" c="dimmed">
          {hasModel ? "Waiting" : "Waiting for a model"}
        </Text>
      );
    case "running":
      return (
        <Progress
          mt={5}
          size="sm"
          value={item.tiles > 0 ? (item.tilesDone / item.tiles) * 100 : 100}
          animated={item.tiles === 0}
          aria-label={`Denoising ${item.name}`}
        />
      );
    case "failed":
      return (
        <Text size="xs" c="var(--lab-bad)" lineClamp={2}>
          {item.failure?.message}
        </Text>
      );
    case "done":
      return item.figures ? (
        <Text size="xs" c="dimmed">
          {item.figures.width} × {item.figures.height}, {formatSeconds(item.figures.seconds)}
        </Text>
      ) : null;
    default:
      return item.status satisfies never;
  }
}
