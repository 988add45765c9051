import { Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Failure } from "@/contracts/failure";
import type { ModelSummary } from "@/contracts/run";
import { deleteModel, renameModel } from "@/state/denoise";
import { Dialog } from "@/ui/Dialog";
import { FailurePanel } from "@/ui/FailurePanel";

interface DialogProps {
  readonly model: ModelSummary;
  readonly onClose: () => void;
}

export function RenameModelDialog({ model, onClose }: DialogProps) {
  const [name, setName] = useState(model.name);
  const [failure, setFailure] = useState<Failure | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const outcome = await renameModel(model.id, name.trim());
    if (outcome.ok) onClose();
    else setFailure(outcome.failure);
  };
  return (
    <Dialog onClose={onClose} title="Rename model">
      <form onSubmit={(event) => void submit(event)}>
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
            <Button type="submit" disabled={name.trim() === ""}>
              Rename
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

export function DeleteModelDialog({ model, onClose }: DialogProps) {
  const [failure, setFailure] = useState<Failure | null>(null);
  const remove = async () => {
    const outcome = await deleteModel(model.id);
    if (outcome.ok) onClose();
    else setFailure(outcome.failure);
  };
  return (
    <Dialog onClose={onClose} title={`Delete “${model.name}”?`}>
      <Stack gap="md">
        <Text size="sm">
          {model.kind === "imported"
            ? "The weights will be removed from this browser; your file stays where it is."
            : "These weights will be removed from this browser. Export the run first if you want to keep them."}
        </Text>
        {failure && <FailurePanel title="Not deleted" failure={failure} />}
        <Group justify="flex-end">
          <Button variant="default" data-autofocus onClick={onClose}>
            Keep it
          </Button>
          <Button color="red" onClick={() => void remove()}>
            Delete
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
