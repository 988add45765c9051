import { Button, Card, Group, Table, Text, Title } from "@mantine/core";
import { IconScale, IconX } from "@tabler/icons-react";
import type { RunRecord } from "@/contracts/run";
import type { MeanInterval, PriorMethodResult, RunResult } from "@/contracts/training";
import { cancelComparison, compareMethods, useComparison } from "@/state/comparison";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatCount, formatFixed } from "@/ui/format";
import { MoreMetrics } from "@/ui/MoreMetrics";
import { ComparisonProgress } from "./ComparisonProgress";

/** Smaller p-values are given as a bound. */
const SMALLEST_P = 1e-4;

const withInterval = (value: MeanInterval | null | undefined, digits: number): string =>
  value ? `${formatFixed(value.mean, digits)} ± ${formatFixed(value.ci95, digits)}` : "–";

/** Methods that are not trained beside the network, on the same noisy test images; computed when asked for. */
export function MethodsCard({ run, result }: { readonly run: RunRecord; readonly result: RunResult }) {
  const { runId, working, failure } = useComparison();
  const mine = runId === run.id;
  const { test, methods } = result;
  if (!test) return null;
  return (
    <Card>
      <Group justify="space-between" mb="sm">
        <Title order={2}>Against prior methods</Title>
        {mine && working ? (
          <Button variant="default" leftSection={<IconX size={18} />} onClick={cancelComparison}>
            Cancel
          </Button>
        ) : (
          <Button
            variant="default"
            leftSection={<IconScale size={18} />}
            disabled={working}
            onClick={() => void compareMethods(run.id)}
          >
            {methods ? "Compare again" : "Compare"}
          </Button>
        )}
      </Group>
      {mine && working && <ComparisonProgress />}
      {mine && failure && <FailurePanel title="The methods could not be compared" failure={failure} />}
      {methods ? (
        <MethodsTable network={test.denoised} methods={methods} />
      ) : (
        <Text size="sm" c="dimmed">
          {`Filters, non-local means, total variation, wavelets and BM3D on the same ${formatCount(test.count)} noisy test images, with paired tests against this network. Runs on the processor; BM3D takes some seconds for an image of 256². DnCNN joins them where weights of it are stored.`}
        </Text>
      )}
    </Card>
  );
}

function MethodsTable({
  network,
  methods,
}: {
  readonly network: NonNullable<RunResult["test"]>["denoised"];
  readonly methods: readonly PriorMethodResult[];
}) {
  const withLpips = methods.some(({ lpips }) => lpips);
  const heads = ["Method", "PSNR (dB)", "SSIM", ...(withLpips ? ["LPIPS"] : [])];
  return (
    <>
      <Table.ScrollContainer
        type="native"
        tabIndex={0}
        role="region"
        aria-label="Against prior methods"
        minWidth={withLpips ? 840 : 720}
      >
        <Table>
          <Table.Thead>
            <Table.Tr>
              {[...heads, "Difference (dB)", "p", "d", "Seconds"].map((head) => (
                <Table.Th key={head} scope="col">
                  {head}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Table.Tr fw={600}>
              <Table.Th scope="row">This network</Table.Th>
              <Table.Td>{withInterval(network.psnrDb, 2)}</Table.Td>
              <Table.Td>{withInterval(network.ssim, 4)}</Table.Td>
              {withLpips && <Table.Td>{withInterval(network.lpips, 4)}</Table.Td>}
              <Table.Td colSpan={4} />
            </Table.Tr>
            {methods.map((method) => (
              <MethodRow key={method.name} method={method} withLpips={withLpips} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="sm" c="dimmed" mt="xs">
        Mean ± 95 % confidence interval on the same noisy test images. Difference: PSNR of the network less
        the method's, image by image, with its 95 % bootstrap interval. p: Wilcoxon's signed ranks, Holm's
        correction over the methods. d: Cohen's effect size of the paired differences.
      </Text>
      <MoreMetrics
        label="More metrics of the methods"
        head="Method"
        rows={[
          { name: "This network", metrics: network, strong: true },
          ...methods.map((method) => ({ name: method.title, metrics: method })),
        ]}
      />
    </>
  );
}

function MethodRow({
  method,
  withLpips,
}: {
  readonly method: PriorMethodResult;
  readonly withLpips: boolean;
}) {
  const { title, psnrDb, ssim, lpips, seconds, versusNetwork } = method;
  const { differenceDb, holmP, cohensD } = versusNetwork;
  const bounds = Number.isFinite(differenceDb.low)
    ? ` [${formatFixed(differenceDb.low, 2)}, ${formatFixed(differenceDb.high, 2)}]`
    : "";
  return (
    <Table.Tr>
      <Table.Th scope="row">{title}</Table.Th>
      <Table.Td>{withInterval(psnrDb, 2)}</Table.Td>
      <Table.Td>{withInterval(ssim, 4)}</Table.Td>
      {withLpips && <Table.Td>{withInterval(lpips, 4)}</Table.Td>}
      <Table.Td>{`${formatFixed(differenceDb.mean, 2)}${bounds}`}</Table.Td>
      <Table.Td>{holmP < SMALLEST_P ? "< 0.0001" : formatFixed(holmP, 4)}</Table.Td>
      <Table.Td>{formatFixed(cohensD, 2)}</Table.Td>
      <Table.Td>{formatFixed(seconds, 3)}</Table.Td>
    </Table.Tr>
  );
}
