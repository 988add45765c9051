import { ActionIcon, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconDots,
  IconDownload,
  IconPencil,
  IconPlayerPlay,
  IconSettings,
  IconTrash,
} from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link } from "wouter";
import type { RunRecord } from "@/contracts/run";
import { configToQuery } from "@/contracts/runConfig";
import { useResume } from "@/features/training/useResume";
import { knownPaths } from "@/state/datasets";
import { deleteRun, exportRun, isResumable, renameRun } from "@/state/runs";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { safeFileName } from "@/ui/fileName";
import { RenameDialog } from "@/ui/RenameDialog";
import { saveBlob } from "@/ui/saveBlob";

/** The address that opens a run's config in the form. */
export const configAddress = (run: RunRecord): string => `/train?${configToQuery(run.config)}`;

/** Everything that can be done with a run. Menu, dialogs and the resume button. */
export function useRunActions(run: RunRecord) {
  const resumeRun = useResume();
  const [exporting, setExporting] = useState(false);
  /** `film`: with the pictures of its film. */
  const save = async (film = true): Promise<void> => {
    setExporting(true);
    const outcome = await exportRun(run.id, knownPaths(), film);
    setExporting(false);
    if (outcome.ok) saveBlob(outcome.value, `${safeFileName(run.name)}.zip`);
    else
      notifications.show({
        color: "red",
        title: "The run could not be exported",
        message: `${outcome.failure.message} ${outcome.failure.remedy}`,
        autoClose: 12_000,
      });
  };
  return { resume: () => resumeRun(run.id), save, exporting, resumable: isResumable(run) };
}

/** The "…" menu of a run. */
export function RunMenu({ run, onDeleted }: { readonly run: RunRecord; readonly onDeleted?: () => void }) {
  const { resume, save, exporting, resumable } = useRunActions(run);
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const close = () => setDialog(null);
  const opener = useRef<HTMLButtonElement>(null);
  const remove = async () => {
    const outcome = await deleteRun(run.id);
    if (outcome.ok) onDeleted?.();
    return outcome;
  };
  return (
    <>
      <Menu position="bottom-end" width={210}>
        <Menu.Target>
          <ActionIcon
            ref={opener}
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
          <Menu.Item leftSection={<IconPencil size={18} />} onClick={() => setDialog("rename")}>
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
            onClick={() => setDialog("delete")}
          >
            Delete
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {dialog === "rename" && (
        <RenameDialog
          title="Rename the run"
          name={run.name}
          onRename={(name) => renameRun(run.id, name)}
          onClose={close}
          opener={opener}
        />
      )}
      {dialog === "delete" && (
        <ConfirmDialog
          title="Delete this run?"
          confirm="Delete the run"
          refuse="Keep it"
          failed="Not deleted"
          onConfirm={remove}
          onClose={close}
          opener={opener}
        >
          “{run.name}” goes with its curves, film, checkpoint, results and trained weights. This cannot be
          undone; export it first to keep a copy. Its images stay.
        </ConfirmDialog>
      )}
    </>
  );
}
