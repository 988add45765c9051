import { Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { Failure } from "@/contracts/failure";
import { cancelLpips, measureLpips, useLpips } from "@/state/lpips";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatCount } from "@/ui/format";

/** Adds LPIPS to a test that has none; shows nothing where no weights are stored. */
export function MeasureLpips({ runId }: { readonly runId: string }) {
  const { weights, measuring } = useLpips();
  const [failure, setFailure] = useState<Failure | null>(null);
  if (weights.length === 0) return null;
  const start = async (): Promise<void> => {
    setFailure(null);
    const outcome = await measureLpips(runId);
    if (!outcome.ok && outcome.failure.code !== "run/cancelled") setFailure(outcome.failure);
  };
  const here = measuring?.runId === runId ? measuring : null;
  return (
    <Stack gap="sm" mt="sm" align="flex-start">
      {failure && <FailurePanel title="LPIPS was not measured" failure={failure} />}
      <Group gap="sm">
        <Button
          variant="default"
          size="xs"
          disabled={measuring !== null}
          loading={here !== null}
          onClick={() => void start()}
        >
          Measure LPIPS
        </Button>
        {here && (
          <>
            <Text size="sm" role="status">
              {here.images > 0
                ? `${formatCount(here.imagesDone)} of ${formatCount(here.images)} images`
                : "Loading the network"}
            </Text>
            <Button variant="subtle" size="compact-sm" onClick={() => void cancelLpips()}>
              Cancel
            </Button>
          </>
        )}
      </Group>
    </Stack>
  );
}
