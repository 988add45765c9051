import { Table } from "@mantine/core";
import type { MeanInterval, MethodMetrics, RunResult } from "@/contracts/training";
import { formatFixed } from "@/ui/format";
import { MoreMetrics } from "@/ui/MoreMetrics";

const METRICS = [
  { key: "psnrDb", label: "PSNR (dB)", digits: 2 },
  { key: "ssim", label: "SSIM", digits: 4 },
  { key: "lpips", label: "LPIPS", digits: 4 },
] as const satisfies readonly { key: keyof MethodMetrics; label: string; digits: number }[];

const withInterval = (value: MeanInterval | null, digits: number): string =>
  value === null ? "–" : `${formatFixed(value.mean, digits)} ± ${formatFixed(value.ci95, digits)}`;

const LPIPS_NAMES = { alex: "AlexNet", squeeze: "SqueezeNet" } as const;

/** How LPIPS was measured, or why it was not; nothing where it was not asked for. */
function lpipsNote({ lpips }: NonNullable<RunResult["test"]>): string {
  if (!lpips) return "";
  return lpips.ok
    ? `LPIPS v0.1 with ${LPIPS_NAMES[lpips.value.network]}, lower is better.`
    : `${lpips.failure.message} ${lpips.failure.remedy}`;
}

/** Test metrics of the noisy and the denoised images: mean ± half width of the 95 % confidence interval. */
export function ResultTable({ test }: { readonly test: NonNullable<RunResult["test"]> }) {
  const metrics = METRICS.filter(({ key }) => test.denoised[key] !== null || test.noisy[key] !== null);
  return (
    <>
      <Table.ScrollContainer
        type="native"
        tabIndex={0}
        role="region"
        aria-label="Test metrics"
        minWidth={320}
      >
        <Table captionSide="bottom">
          <Table.Caption ta="left">
            Mean over the test images ± 95 % confidence interval. {lpipsNote(test)}
          </Table.Caption>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Images</Table.Th>
              {metrics.map(({ key, label }) => (
                <Table.Th key={key} scope="col">
                  {label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(["noisy", "denoised"] as const).map((method) => (
              <Table.Tr key={method} fw={method === "denoised" ? 600 : undefined}>
                <Table.Th scope="row">{method}</Table.Th>
                {metrics.map(({ key, digits }) => (
                  <Table.Td key={key}>{withInterval(test[method][key], digits)}</Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <MoreMetrics
        label="More test metrics"
        head="Images"
        rows={[
          { name: "noisy", metrics: test.noisy },
          { name: "denoised", metrics: test.denoised, strong: true },
        ]}
      />
    </>
  );
}
