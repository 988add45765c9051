import { Button, Group, Stack, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Outcome } from "@/contracts/failure";
import { Dialog, type DialogProps } from "./Dialog";
import { FailurePanel } from "./FailurePanel";
import { useDialogAction } from "./useDialogAction";

export interface ConfirmDialogProps extends Pick<DialogProps, "title" | "onClose" | "opener"> {
  /** What will happen, and what is kept. */
  readonly children: ReactNode;
  /** The button that does it, e.g. `Delete`. */
  readonly confirm: string;
  /** The button that does not. It has the focus first: Enter alone ends nothing. */
  readonly refuse: string;
  /** Title over a failure, e.g. `Not deleted`. */
  readonly failed: string;
  /** Does it; a failure is shown in the dialog, which then stays open. Without an outcome it cannot fail. */
  readonly onConfirm: () => Promise<Outcome<void>> | undefined;
}

/** Asks before something ends or is deleted. */
export function ConfirmDialog({
  title,
  children,
  confirm,
  refuse,
  failed,
  onConfirm,
  onClose,
  opener,
}: ConfirmDialogProps) {
  const { busy, failure, act, close } = useDialogAction(onConfirm, onClose);
  return (
    <Dialog onClose={close} title={title} opener={opener}>
      <Stack gap="md">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {children}
        </Text>
        {failure && <FailurePanel title={failed} failure={failure} />}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={close}>
            {refuse}
          </Button>
          <Button color="red" loading={busy} onClick={act}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
