import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { DatasetRecord } from "@/contracts/dataset";
import type { Failure, Outcome } from "@/contracts/failure";
import { deleteDataset, renameDataset } from "@/state/datasets";
import { Dialog } from "@/ui/Dialog";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatBytes } from "@/ui/format";
import { plural } from "@/ui/plural";

interface DialogProps {
  readonly dataset: DatasetRecord;
  readonly onClose: () => void;
}

/** Does something to a dataset and closes the dialog, or keeps it open with the failure. */
function useAction(onClose: () => void) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const act = async (work: () => Promise<Outcome<void>>) => {
    setBusy(true);
    const outcome = await work();
    setBusy(false);
    if (outcome.ok) onClose();
    else setFailure(outcome.failure);
  };
  return { busy, failure, act };
}

export function RenameDialog({ dataset, onClose }: DialogProps) {
  const [name, setName] = useState(dataset.name);
  const { busy, failure, act } = useAction(onClose);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void act(() => renameDataset(dataset.id, name.trim()));
  };
  return (
    <Dialog onClose={onClose} title="Rename dataset">
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput
            label="Name"
            data-autofocus
            onFocus={(event) => event.currentTarget.select()}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {failure && <FailurePanel title="Not renamed" failure={failure} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={busy} disabled={name.trim() === ""}>
              Rename
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

export function DeleteDialog({ dataset, onClose }: DialogProps) {
  const { busy, failure, act } = useAction(onClose);
  return (
    <Dialog onClose={onClose} title={`Delete “${dataset.name}”?`}>
      <Stack gap="md">
        <Text size="sm">
          {plural(dataset.imageCount, "stored image")} ({formatBytes(dataset.bytes)}) will be removed from
          this browser. Your own files stay where they are. Runs trained on it keep their curves, results and
          weights, but cannot be resumed.
        </Text>
        {failure && <FailurePanel title="Not deleted" failure={failure} />}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            Keep it
          </Button>
          <Button color="red" loading={busy} onClick={() => void act(() => deleteDataset(dataset.id))}>
            Delete
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
