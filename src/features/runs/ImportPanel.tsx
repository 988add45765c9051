import { Button, Group, Stack, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileImport } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { useLocation } from "wouter";
import type { Failure } from "@/contracts/failure";
import { importRun } from "@/state/runs";
import { FailurePanel } from "@/ui/FailurePanel";

/** A place to drop an exported run: the zip, or the files of a result folder. */
export function ImportPanel() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const open = useRef<(() => void) | null>(null);
  const [, navigate] = useLocation();
  const take = async (files: readonly File[]): Promise<void> => {
    if (files.length === 0) return;
    setBusy(true);
    setFailure(null);
    const outcome = await importRun(files);
    setBusy(false);
    if (outcome.ok) navigate(`/runs/${outcome.value}`);
    else setFailure(outcome.failure);
  };
  return (
    <Stack gap="sm">
      {failure && <FailurePanel title="The run was not imported" failure={failure} />}
      <Dropzone
        onDrop={(files) => void take(files)}
        loading={busy}
        openRef={open}
        activateOnClick={false}
        activateOnKeyboard={false}
        enablePointerEvents
        multiple
        inputProps={{ "aria-label": "Result files" }}
      >
        <Group justify="center" gap="md" py="xs">
          <IconFileImport size={24} stroke={1.6} color="var(--lab-accent)" aria-hidden="true" />
          <Text size="sm">Drop an exported zip or a result folder to add it to the list</Text>
          <Button variant="default" size="xs" onClick={() => open.current?.()}>
            Choose files
          </Button>
        </Group>
      </Dropzone>
    </Stack>
  );
}
