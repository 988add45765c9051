import { Button, Group, Loader, Stack, Text } from "@mantine/core";
import { IconFiles, IconFolderOpen, IconPhotoDown } from "@tabler/icons-react";
import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { type Failure, toFailure } from "@/contracts/failure";
import type { ImportSource } from "@/contracts/workers";
import { DropTarget } from "@/ui/DropTarget";
import { canPickDirectory, filesOfList, pickDirectory } from "@/ui/droppedFiles";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatCount } from "@/ui/format";
import classes from "./SourcePicker.module.css";

const ACCEPTED = ".png,.jpg,.jpeg,.zip,.tar,.tar.gz,.tgz,.gz,image/png,image/jpeg";
const NOTHING: Failure = {
  code: "data/empty",
  message: "There is no file in what was chosen.",
  remedy: "Choose a folder that holds PNG or JPEG images, or an archive of them.",
};

export interface SourcePickerProps {
  /** What is asked for, e.g. `Drop a folder of X-rays here`. */
  readonly title: string;
  readonly note: string;
  readonly onSources: (sources: ImportSource[]) => void;
  /** Gives the file inputs test ids; for the one picker that is always on the screen. */
  readonly testIds?: boolean;
}

/** Takes files, folders and archives: dropped, or chosen with one of two buttons. */
export function SourcePicker({ title, note, onSources, testIds }: SourcePickerProps) {
  const folderInput = useRef<HTMLInputElement>(null);
  const filesInput = useRef<HTMLInputElement>(null);
  const [found, setFound] = useState<number | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);

  // React's types do not know this attribute.
  useEffect(() => {
    if (folderInput.current) folderInput.current.webkitdirectory = true;
  }, []);

  const take = (sources: ImportSource[] | null) => {
    setFound(null);
    if (sources === null) return;
    setFailure(sources.length === 0 ? NOTHING : null);
    if (sources.length > 0) onSources(sources);
  };
  const fail = (error: unknown) => {
    setFound(null);
    setFailure(toFailure(error));
  };
  const chooseFolder = () => {
    if (canPickDirectory()) pickDirectory(setFound).then(take, fail);
    else folderInput.current?.click();
  };
  const onInput = (event: ChangeEvent<HTMLInputElement>) => {
    take(filesOfList(event.currentTarget.files ?? []));
    // The same folder can then be chosen again.
    event.currentTarget.value = "";
  };

  return (
    <Stack gap="sm">
      <DropTarget hint="Drop to import" onFound={setFound} onSources={take} onFailure={fail}>
        <div className={classes["area"]}>
          <IconPhotoDown size={34} stroke={1.5} aria-hidden className={classes["icon"]} />
          <div>
            <Text fw={600}>{title}</Text>
            <Text size="sm" c="dimmed" maw={520}>
              {note}
            </Text>
          </div>
          <Group gap="sm" justify="center">
            <Button leftSection={<IconFolderOpen size={18} aria-hidden />} onClick={chooseFolder}>
              Choose a folder
            </Button>
            <Button
              variant="default"
              leftSection={<IconFiles size={18} aria-hidden />}
              onClick={() => filesInput.current?.click()}
            >
              Choose files or archives
            </Button>
          </Group>
          {found !== null && (
            <Group gap="xs" role="status">
              <Loader size="xs" />
              <Text size="sm">Reading the folder: {formatCount(found)} files so far</Text>
            </Group>
          )}
        </div>
      </DropTarget>
      <input
        ref={folderInput}
        type="file"
        multiple
        hidden
        aria-label="Folder of images"
        onChange={onInput}
        {...(testIds ? { "data-testid": "folder-input" } : {})}
      />
      <input
        ref={filesInput}
        type="file"
        accept={ACCEPTED}
        multiple
        hidden
        aria-label="Images or archives"
        onChange={onInput}
        {...(testIds ? { "data-testid": "files-input" } : {})}
      />
      {failure && <FailurePanel title="Nothing to import" failure={failure} />}
    </Stack>
  );
}
