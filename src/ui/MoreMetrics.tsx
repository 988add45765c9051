import { Accordion, Table, Text } from "@mantine/core";
import type { FurtherMetrics, MeanInterval } from "@/contracts/training";
import { formatFixed } from "./format";

const METRICS = [
  { key: "ssimGaussian", label: "SSIM, Gaussian window" },
  { key: "msSsim", label: "MS-SSIM" },
  { key: "mae", label: "Mean absolute error" },
] as const satisfies readonly { key: keyof FurtherMetrics; label: string }[];
const DIGITS = 4;

const withInterval = (value: MeanInterval | null | undefined): string =>
  value ? `${formatFixed(value.mean, DIGITS)} ± ${formatFixed(value.ci95, DIGITS)}` : "–";

export interface MetricsRow {
  readonly name: string;
  readonly metrics: FurtherMetrics;
  readonly strong?: boolean;
}

/** What is measured beside PSNR, the study's SSIM and LPIPS, folded away; nothing where runs of earlier versions have none. */
export function MoreMetrics({
  rows,
  label,
  head,
}: {
  readonly rows: readonly MetricsRow[];
  readonly label: string;
  /** What the rows are. */
  readonly head: string;
}) {
  if (!rows.some(({ metrics }) => metrics.ssimGaussian)) return null;
  const tooSmall = rows.some(({ metrics }) => metrics.msSsim === null);
  return (
    <Accordion variant="contained" mt="sm">
      <Accordion.Item value="more">
        <Accordion.Control>More metrics</Accordion.Control>
        <Accordion.Panel>
          <Table.ScrollContainer type="native" tabIndex={0} role="region" aria-label={label} minWidth={480}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">{head}</Table.Th>
                  {METRICS.map((metric) => (
                    <Table.Th key={metric.key} scope="col">
                      {metric.label}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map(({ name, metrics, strong }) => (
                  <Table.Tr key={name} fw={strong ? 600 : undefined}>
                    <Table.Th scope="row">{name}</Table.Th>
                    {METRICS.map(({ key }) => (
                      <Table.Td key={key}>{withInterval(metrics[key])}</Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
          <Text size="sm" c="dimmed" mt="xs">
            The SSIM above has the study&apos;s 3×3 window; most papers use the 11×11 Gaussian one.
            {tooSmall && " MS-SSIM has five scales and needs images of at least 161² pixels."}
          </Text>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
