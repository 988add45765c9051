import { Button, Card, Group, Text, Title } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { Link } from "wouter";
import { ComparisonProgress } from "@/features/runs/ComparisonProgress";
import { cancelComparison, useComparison } from "@/state/comparison";
import { FailurePanel } from "@/ui/FailurePanel";

/** The comparison that the run's config asked for, after its test; nothing where it asked for none. */
export function LiveComparison({ runId }: { readonly runId: string }) {
  const { runId: compared, working, failure, finished } = useComparison();
  if (compared !== runId || !(working || failure || finished)) return null;
  return (
    <Card component="section" aria-label="Prior methods">
      <Group justify="space-between" mb="sm">
        <Title order={2}>{working ? "Comparing with prior methods" : "Against prior methods"}</Title>
        {working && (
          <Button variant="default" leftSection={<IconX size={18} />} onClick={cancelComparison}>
            Cancel
          </Button>
        )}
      </Group>
      {working && <ComparisonProgress />}
      {failure && <FailurePanel title="The methods could not be compared" failure={failure} />}
      {finished && (
        <Text size="sm">
          Done: the table is among the <Link href={`/runs/${runId}`}>run&apos;s results</Link>.
        </Text>
      )}
    </Card>
  );
}
