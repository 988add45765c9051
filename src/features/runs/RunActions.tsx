import { ActionIcon, Button, Group, Menu, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import {
  IconDots,
  IconDownload,
  IconPencil,
  IconPlayerPlay,
  IconSettings,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "wouter";
import type { Outcome } from "@/contracts/failure";
import type { RunRecord } from "@/contracts/run";
import { configToQuery } from "@/contracts/runConfig";
import { useResume } from "@/features/training/useResume";
import { knownPaths } from "@/state/datasets";
import { deleteRun, exportRun, isResumable, renameRun } from "@/state/runs";
import { safeFileName } from "@/ui/fileName";
import { saveBlob } from "@/ui/saveBlob";

function tell(title: string, outcome: Outcome<unknown>): boolean {
  if (outcome.ok) return true;
  notifications.show({
    color: "red",
    title,
    message: `${outcome.failure.message} ${outcome.failure.remedy}`,
    autoClose: 12_000,
  });
  return false;
}

/** The address that opens a run's config in the form. */
export const configAddress = (run: RunRecord): string => `/train?${configToQuery(run.config)}`;

/** Everything that can be done with a run. Menu, dialogs and the resume button. */
export function useRunActions(run: RunRecord) {
  const resumeRun = useResume();
  const [exporting, setExporting] = useState(false);
  const save = async (): Promise<void> => {
    setExporting(true);
    const outcome = await exportRun(run.id, knownPaths());
    setExporting(false);
    if (outcome.ok) saveBlob(outcome.value, `${safeFileName(run.name)}.zip`);
    else tell("The run could not be exported", outcome);
  };
  return { resume: () => resumeRun(run.id), save, exporting, resumable: isResumable(run) };
}

/** The "…" menu of a run. */
export function RunMenu({ run, onDeleted }: { readonly run: RunRecord; readonly onDeleted?: () => void }) {
  const { resume, save, exporting, resumable } = useRunActions(run);
  const [renaming, rename] = useDisclosure(false);
  const [deleting, remove] = useDisclosure(false);
  return (
    <>
      <Menu position="bottom-end" width={210}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={`Actions for ${run.name}`}
            loading={exporting}
          >
            <IconDots size={20} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {resumable && (
            <Menu.Item leftSection={<IconPlayerPlay size={18} />} onClick={() => void resume()}>
              Resume
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconSettings size={18} />} component={Link} href={configAddress(run)}>
            Open this config
          </Menu.Item>
          <Menu.Item leftSection={<IconPencil size={18} />} onClick={rename.open}>
            Rename
          </Menu.Item>
          <Menu.Item leftSection={<IconDownload size={18} />} onClick={() => void save()}>
            Export as zip
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            leftSection={<IconTrash size={18} />}
            color="red"
            c="var(--lab-bad)"
            disabled={run.status === "running"}
            onClick={remove.open}
          >
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RenameDialog run={run} opened={renaming} onClose={rename.close} />
      <DeleteDialog
        run={run}
        opened={deleting}
        onClose={remove.close}
        {...(onDeleted ? { onDeleted } : {})}
      />
    </>
  );
}

interface DialogProps {
  readonly run: RunRecord;
  readonly opened: boolean;
  readonly onClose: () => void;
}

function RenameDialog({ run, opened, onClose }: DialogProps) {
  const [name, setName] = useState(run.name);
  const submit = async (): Promise<void> => {
    if (tell("The run was not renamed", await renameRun(run.id, name))) onClose();
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Rename the run" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Stack>
          <TextInput
            label="Name"
            value={name}
            maxLength={200}
            data-autofocus
            error={name.trim() === "" ? "A run needs a name." : undefined}
            onChange={(event) => setName(event.currentTarget.value)}
          />
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
    </Modal>
  );
}

function DeleteDialog({
  run,
  opened,
  onClose,
  onDeleted,
}: DialogProps & { readonly onDeleted?: () => void }) {
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    const done = tell("The run was not deleted", await deleteRun(run.id));
    setBusy(false);
    if (!done) return;
    onClose();
    onDeleted?.();
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Delete this run?" centered>
      <Stack>
        <Text style={{ overflowWrap: "anywhere" }}>
          “{run.name}” goes with its curves, checkpoint, results and trained weights. This cannot be undone;
          export it first to keep a copy. Its images stay.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Keep it
          </Button>
          <Button color="red" loading={busy} onClick={() => void submit()}>
            Delete the run
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
