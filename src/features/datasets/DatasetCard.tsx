import {
  ActionIcon,
  Badge,
  Button,
  Card,
  Group,
  Menu,
  Stack,
  Text,
  Title,
  UnstyledButton,
} from "@mantine/core";
import { IconDots, IconPencil, IconPhoto, IconTrash } from "@tabler/icons-react";
import { Link } from "wouter";
import type { DatasetRecord } from "@/contracts/dataset";
import { formatBytes, formatTime } from "@/ui/format";
import { plural } from "@/ui/plural";
import { ContactSheet } from "./ContactSheet";
import classes from "./DatasetCard.module.css";
import { trainAddress } from "./trainAddress";

export type DatasetAction = "browse" | "rename" | "delete" | "continue";

export interface DatasetCardProps {
  readonly dataset: DatasetRecord;
  /** True while this tab works on it. */
  readonly busy: boolean;
  readonly onAction: (action: DatasetAction, dataset: DatasetRecord) => void;
}

/** A stored dataset: what is in it, and what can be done with it. */
export function DatasetCard({ dataset, busy, onAction }: DatasetCardProps) {
  const { name, kind, size, imageCount, patientCount, patientSource, bytes, createdAt, status } = dataset;
  const interrupted = status === "importing" && !busy;
  return (
    <Card padding={0} component="article" aria-label={name} className={classes["card"]}>
      <UnstyledButton
        className={classes["sheet"]}
        aria-label={`Look at the images of ${name}`}
        onClick={() => onAction("browse", dataset)}
      >
        <ContactSheet dataset={dataset} />
      </UnstyledButton>
      <Stack gap="sm" p="md" style={{ flex: 1 }}>
        <Group justify="space-between" align="flex-start" wrap="nowrap" gap="xs">
          <Title order={3} style={{ overflowWrap: "anywhere" }}>
            {name}
          </Title>
          <Menu position="bottom-end" withinPortal>
            <Menu.Target>
              <ActionIcon variant="subtle" color="gray" aria-label={`More about ${name}`}>
                <IconDots size={18} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                leftSection={<IconPhoto size={16} aria-hidden />}
                onClick={() => onAction("browse", dataset)}
              >
                Look at the images
              </Menu.Item>
              <Menu.Item
                leftSection={<IconPencil size={16} aria-hidden />}
                onClick={() => onAction("rename", dataset)}
              >
                Rename
              </Menu.Item>
              <Menu.Item
                color="red"
                disabled={busy}
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => onAction("delete", dataset)}
              >
                Delete
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
        {(kind === "phantom" || status === "importing") && (
          <Group gap={6}>
            {kind === "phantom" && <Badge color="violet">Synthetic</Badge>}
            {busy && <Badge>Importing</Badge>}
            {interrupted && (
              <Badge c="var(--lab-warn)" bg="var(--lab-warn-soft)">
                Interrupted
              </Badge>
            )}
          </Group>
        )}
        <Text size="sm">
          {plural(imageCount, "image")}
          {patientSource !== "none" && ` of ${plural(patientCount, "patient")}`}, {size} × {size},{" "}
          {formatBytes(bytes)}
          <Text span size="xs" c="dimmed" display="block">
            {formatTime(createdAt)}
          </Text>
        </Text>
        {interrupted && (
          <Text size="sm" c="dimmed">
            {kind === "phantom"
              ? "Rendering stopped before the end. Generate the same phantoms again to complete it."
              : "The import stopped before the end. What is stored is usable; choose the same folder again to add the rest."}
          </Text>
        )}
        <Group gap="sm" mt="auto">
          <Button component={Link} href={trainAddress(dataset)} size="sm" disabled={imageCount === 0}>
            Train on it
          </Button>
          {interrupted && kind === "imported" && (
            <Button variant="default" size="sm" onClick={() => onAction("continue", dataset)}>
              Continue
            </Button>
          )}
        </Group>
      </Stack>
    </Card>
  );
}
