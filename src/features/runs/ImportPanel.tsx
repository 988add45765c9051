import { Button, Card, FileButton, Group, Stack, Text } from "@mantine/core";
import { IconFileImport } from "@tabler/icons-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { type Failure, toFailure } from "@/contracts/failure";
import type { ImportSource } from "@/contracts/workers";
import { importRun } from "@/state/runs";
import { DropTarget } from "@/ui/DropTarget";
import { FailurePanel } from "@/ui/FailurePanel";
import { runsApart } from "./runsApart";

/**
 * A place to drop exported runs: zips, result folders, or a whole folder of them (a study's). `thenOpen`: go to the page of
 * a run that came alone.
 */
export function ImportPanel({ thenOpen = true }: { readonly thenOpen?: boolean }) {
  /** Which of how many is being read; null while none is. */
  const [busy, setBusy] = useState<{ readonly run: number; readonly of: number } | null>(null);
  const [failed, setFailed] = useState<{ readonly title: string; readonly failure: Failure } | null>(null);
  const [, navigate] = useLocation();
  const take = async (sources: readonly ImportSource[]): Promise<void> => {
    const runs = runsApart(sources);
    if (busy || runs.length === 0) return;
    setFailed(null);
    const failures: Failure[] = [];
    let last: string | null = null;
    // One after the other: each may be large, and what one lacks does not keep the next from being stored.
    for (const [place, files] of runs.entries()) {
      setBusy({ run: place + 1, of: runs.length });
      const outcome = await importRun(files);
      if (outcome.ok) last = outcome.value;
      else failures.push(outcome.failure);
    }
    setBusy(null);
    const [first] = failures;
    if (first)
      setFailed({
        title:
          runs.length > 1
            ? `${failures.length} of ${runs.length} runs were not imported`
            : "The run was not imported",
        failure: first,
      });
    else if (thenOpen && runs.length === 1) navigate(`/runs/${last}`);
  };
  return (
    <Stack gap="sm">
      {failed && <FailurePanel {...failed} />}
      <DropTarget
        hint="Drop to import"
        onSources={(sources) => void take(sources)}
        onFound={() => undefined}
        onFailure={(error) => setFailed({ title: "The run was not imported", failure: toFailure(error) })}
      >
        <Card component="section" aria-label="Import a run" style={{ borderStyle: "dashed" }}>
          <Group justify="center" gap="md">
            <IconFileImport size={24} stroke={1.6} color="var(--lab-accent)" aria-hidden="true" />
            <Text size="sm" aria-live="polite">
              {busy && busy.of > 1
                ? `Reading run ${busy.run} of ${busy.of}…`
                : "Drop exported zips, a result folder or a whole study here to add the runs to the list"}
            </Text>
            <FileButton
              multiple
              onChange={(files) => void take(files.map((file) => ({ path: file.name, file })))}
            >
              {(props) => (
                <Button {...props} variant="default" size="xs" loading={busy !== null}>
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
