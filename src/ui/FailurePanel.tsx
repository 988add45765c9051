import { Alert, Code, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Failure } from "@/contracts/failure";
import classes from "./FailurePanel.module.css";

export interface FailurePanelProps {
  /** What did not work, e.g. "The run has stopped". */
  readonly title: string;
  readonly failure: Failure;
  /** Actions that help. */
  readonly children?: ReactNode;
}

/** A failure in words: what happened with its numbers, what to do, and the code for looking it up. */
export function FailurePanel({ title, failure, children }: FailurePanelProps) {
  return (
    <Alert
      role="alert"
      color="red"
      title={title}
      icon={<IconAlertTriangle />}
      classNames={{ root: classes["root"] ?? "", title: classes["title"] ?? "", icon: classes["icon"] ?? "" }}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm" className={classes["text"]}>
          {failure.message}
        </Text>
        <Text size="sm" className={classes["text"]}>
          <strong>What to do:</strong> {failure.remedy}
        </Text>
        <Code className={classes["code"]}>{failure.code}</Code>
        {children !== undefined && <Group gap="sm">{children}</Group>}
      </Stack>
    </Alert>
  );
}
