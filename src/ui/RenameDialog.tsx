import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Outcome } from "@/contracts/failure";
import { Dialog, type DialogProps } from "./Dialog";
import { FailurePanel } from "./FailurePanel";
import { useDialogAction } from "./useDialogAction";

/** The longest name that storage keeps. */
const MAX_NAME_LENGTH = 200;

export interface RenameDialogProps extends Pick<DialogProps, "title" | "onClose" | "opener"> {
  /** The name so far. */
  readonly name: string;
  /** Gives the trimmed name; a failure is shown in the dialog, which then stays open. */
  readonly onRename: (name: string) => Promise<Outcome<void>>;
}

/** Asks for another name. Enter renames, Escape closes. */
export function RenameDialog({ title, name: before, onRename, onClose, opener }: RenameDialogProps) {
  const [name, setName] = useState(before);
  const wanted = name.trim();
  const { busy, failure, act, close } = useDialogAction(() => onRename(wanted), onClose);
  return (
    <Dialog onClose={close} title={title} opener={opener}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act();
        }}
      >
        <Stack gap="md">
          <TextInput
            label="Name"
            data-autofocus
            maxLength={MAX_NAME_LENGTH}
            error={wanted === "" ? "Type at least one character." : undefined}
            onFocus={(event) => event.currentTarget.select()}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {failure && <FailurePanel title="Not renamed" failure={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={wanted === ""}>
              Rename
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
