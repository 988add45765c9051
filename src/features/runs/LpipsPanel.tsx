import { Button, Card, Code, FileButton, Group, Stack, Text, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Failure, Outcome } from "@/contracts/failure";
import type { LpipsNetwork, LpipsWeightsSummary } from "@/contracts/lpips";
import { deleteLpips, importLpips, useLpips } from "@/state/lpips";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatBytes } from "@/ui/format";

const NAMES: Readonly<Record<LpipsNetwork, string>> = { alex: "AlexNet", squeeze: "SqueezeNet" };

/** The weights that LPIPS needs: which are here, what they are for and how to get them. */
export function LpipsPanel() {
  const { status, weights, failure: unread } = useLpips();
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Failure | null>(null);
  const carryOut = async (work: Promise<Outcome<void>>): Promise<void> => {
    setBusy(true);
    setRefused(null);
    const outcome = await work;
    setBusy(false);
    if (!outcome.ok) setRefused(outcome.failure);
  };
  const failure = refused ?? unread;
  return (
    <Card component="section" aria-label="LPIPS weights">
      <Stack gap="sm">
        <Group justify="space-between" align="center">
          <Title order={2}>LPIPS weights</Title>
          <FileButton
            multiple
            accept=".safetensors,.pth"
            onChange={(files) => {
              if (files.length > 0) void carryOut(importLpips(files));
            }}
          >
            {(props) => (
              <Button {...props} variant="default" size="xs" loading={busy}>
                Load weight files
              </Button>
            )}
          </FileButton>
        </Group>
        <Text size="sm">
          LPIPS says how different two images look to a network trained on photographs: 0 is equal, lower is
          closer. With weights here, the test of every new run measures it; they stay in this browser.
        </Text>
        {failure && <FailurePanel title="LPIPS weights" failure={failure} />}
        {status === "ready" && weights.length === 0 && (
          <Text size="sm" c="dimmed">
            None are stored. They are not part of the lab: <Code>npm run get-lpips</Code> fetches them once as
            one file to load here. Or choose the two original files together: torchvision&apos;s network (
            <Code>alexnet-owt-7be5be79.pth</Code>) and the authors&apos; heads (<Code>alex.pth</Code>).
          </Text>
        )}
        {weights.map((one) => (
          <StoredWeights
            key={one.network}
            weights={one}
            busy={busy}
            onRemove={() => void carryOut(deleteLpips(one.network))}
          />
        ))}
        {weights.length > 1 && (
          <Text size="sm" c="dimmed">
            Tests use {NAMES.alex}, as the study does.
          </Text>
        )}
      </Stack>
    </Card>
  );
}

function StoredWeights({
  weights,
  busy,
  onRemove,
}: {
  readonly weights: LpipsWeightsSummary;
  readonly busy: boolean;
  readonly onRemove: () => void;
}) {
  const name = NAMES[weights.network];
  return (
    <Group gap="sm" wrap="nowrap" justify="space-between">
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        <strong>{name}</strong> · {weights.fileName} · {formatBytes(weights.byteLength)}
      </Text>
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<IconTrash size={16} />}
        aria-label={`Remove the ${name} weights`}
        disabled={busy}
        onClick={onRemove}
        style={{ flexShrink: 0 }}
      >
        Remove
      </Button>
    </Group>
  );
}
