import { Card, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./EmptyPanel.module.css";

export interface EmptyPanelProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly text: ReactNode;
  /** What to do about it. */
  readonly children?: ReactNode;
}

/** What a list shows while it has nothing: what would be here, and how it gets here. */
export function EmptyPanel({ icon, title, text, children }: EmptyPanelProps) {
  return (
    <Card className={classes["panel"]} py={48}>
      <Stack align="center" gap="sm" maw={460} mx="auto" ta="center">
        <span className={classes["icon"]} aria-hidden="true">
          {icon}
        </span>
        <Title order={2}>{title}</Title>
        <Text c="dimmed">{text}</Text>
        {children !== undefined && (
          <Group mt="xs" justify="center">
            {children}
          </Group>
        )}
      </Stack>
    </Card>
  );
}
