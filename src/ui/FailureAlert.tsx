import { Alert, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { Failure } from "@/contracts/failure";

/** A failure in words: what happened and what to do. `onClose` adds a button that dismisses it. */
export function FailureAlert({
  failure,
  title,
  onClose,
}: {
  readonly failure: Failure;
  readonly title: string;
  readonly onClose?: () => void;
}) {
  return (
    <Alert
      color="red"
      variant="light"
      role="alert"
      title={title}
      icon={<IconAlertTriangle aria-hidden />}
      {...(onClose ? { withCloseButton: true, closeButtonLabel: "Dismiss", onClose } : {})}
    >
      <Text size="sm">
        {failure.message} {failure.remedy}
      </Text>
    </Alert>
  );
}
