import { Button, Card, FileButton, Group, Stack, Text } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { type Failure, toFailure } from "@/contracts/failure";
import { importRun } from "@/state/runs";
import { DropTarget } from "@/ui/DropTarget";
import { FailurePanel } from "@/ui/FailurePanel";

/** A place to drop an exported run: the zip, or the files of a result folder. `thenOpen`: go to its page. */
export function ImportPanel({ thenOpen = true }: { readonly thenOpen?: boolean }) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [, navigate] = useLocation();
  const take = async (files: readonly File[]): Promise<void> => {
    if (busy || files.length === 0) return;
    setBusy(true);
    setFailure(null);
    const outcome = await importRun(files);
    setBusy(false);
    if (!outcome.ok) setFailure(outcome.failure);
    else if (thenOpen) navigate(`/runs/${outcome.value}`);
  };
  return (
    <Stack gap="sm">
      {failure && <FailurePanel title="The run was not imported" failure={failure} />}
      <DropTarget
        hint="Drop to import the run"
        onSources={(sources) => void take(sources.map(({ file }) => file))}
        onFound={() => undefined}
        onFailure={(error) => setFailure(toFailure(error))}
      >
        <Card component="section" aria-label="Import a run" style={{ borderStyle: "dashed" }}>
          <Group justify="center" gap="md">
            <IconFileImport size={24} stroke={1.6} color="var(--lab-accent)" aria-hidden="true" />
            <Text size="sm">Drop an exported zip or a result folder here to add its run to the list</Text>
            <FileButton multiple onChange={(files) => void take(files)}>
              {(props) => (
                <Button {...props} variant="default" size="xs" loading={busy}>
                  Choose files
                </Button>
              )}
            </FileButton>
          </Group>
        </Card>
      </DropTarget>
    </Stack>
  );
}
