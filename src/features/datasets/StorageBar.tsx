import { Button, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import { IconShieldCheck } from "@tabler/icons-react";
import { keepStorage, useStorageInfo } from "@/state/storageInfo";
import { formatBytes } from "@/ui/format";

/**
 * How full the browser's storage is, and whether the browser may clear it. `datasetBytes`: what the datasets are known
 * to hold; browsers count what was just written only seconds later.
 */
export function StorageBar({ datasetBytes }: { readonly datasetBytes: number }) {
  const { usageBytes: estimate, quotaBytes, persisted, refused } = useStorageInfo();
  if (estimate === null || !quotaBytes) return null;
  const usageBytes = Math.max(estimate, datasetBytes);
  const percent = Math.min(100, (usageBytes / quotaBytes) * 100);
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="sm">
        <Text size="sm">
          <strong>About {formatBytes(usageBytes)}</strong>{" "}
          <Text component="span" size="sm" c="dimmed">
            stored by the lab, {formatBytes(quotaBytes - usageBytes)} free
          </Text>
        </Text>
        {persisted ? (
          <Group gap={6} c="var(--lab-good)">
            <IconShieldCheck size={16} aria-hidden />
            <Text size="sm">Kept until you delete it</Text>
          </Group>
        ) : (
          <Tooltip label="Browsers may clear a site's data when the disk runs low. This asks yours not to.">
            <Button variant="subtle" size="compact-sm" onClick={() => void keepStorage()}>
              Protect from clean-up
            </Button>
          </Tooltip>
        )}
      </Group>
      <Progress
        value={Math.max(percent, 0.5)}
        size="sm"
        color={percent > 90 ? "red" : "lab"}
        aria-label={`Storage used: ${percent.toFixed(1)} percent`}
      />
      {refused && (
        <Text size="xs" c="dimmed" role="status">
          The browser did not agree this time. It often does after the page is bookmarked or used more; your
          data stays as long as the disk has room.
        </Text>
      )}
    </Stack>
  );
}
