import { Accordion, Code, Table, Text } from "@mantine/core";
import type { RunRecord } from "@/contracts/run";
import type { RunEnvironment } from "@/contracts/training";
import { formatCount, formatFixed, formatSeconds, formatShort } from "@/ui/format";

/** The numbers behind the curves, the config as JSON, and where it ran; folded away. */
export function RunTables({ run }: { readonly run: RunRecord }) {
  return (
    <Accordion multiple variant="separated">
      <Accordion.Item value="epochs">
        <Accordion.Control>Epochs as a table</Accordion.Control>
        <Accordion.Panel>
          <Epochs run={run} />
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="config">
        <Accordion.Control>Config as JSON</Accordion.Control>
        <Accordion.Panel>
          <Code block tabIndex={0} role="region" aria-label="Config as JSON">
            {JSON.stringify(run.config, null, 2)}
          </Code>
        </Accordion.Panel>
      </Accordion.Item>
      <Accordion.Item value="environment">
        <Accordion.Control>Environment</Accordion.Control>
        <Accordion.Panel>
          {run.result ? (
            <Environment environment={run.result.environment} timings={run.result.engine.timingsMs} />
          ) : (
            <Text size="sm" c="dimmed">
              Recorded when the run ends.
            </Text>
          )}
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

function Epochs({ run }: { readonly run: RunRecord }) {
  if (run.epochs.length === 0)
    return (
      <Text size="sm" c="dimmed">
        No epoch was finished.
      </Text>
    );
  return (
    <Table.ScrollContainer
      type="native"
      tabIndex={0}
      role="region"
      aria-label="Epochs"
      minWidth={620}
      maxHeight={420}
    >
      <Table stickyHeader>
        <Table.Thead>
          <Table.Tr>
            {["Epoch", "Step", "Training loss", "Validation loss", "PSNR (dB)", "SSIM", "Time"].map(
              (head) => (
                <Table.Th key={head} scope="col" ta="right">
                  {head}
                </Table.Th>
              ),
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {run.epochs.map((epoch) => (
            <Table.Tr key={epoch.epoch} ta="right">
              <Table.Td>{epoch.epoch}</Table.Td>
              <Table.Td>{formatCount(epoch.step)}</Table.Td>
              <Table.Td>{formatShort(epoch.trainLoss)}</Table.Td>
              <Table.Td>{formatShort(epoch.validationLoss)}</Table.Td>
              <Table.Td>{formatFixed(epoch.validationPsnrDb, 2)}</Table.Td>
              <Table.Td>{formatFixed(epoch.validationSsim, 4)}</Table.Td>
              <Table.Td>{formatSeconds(epoch.seconds)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Environment({
  environment,
  timings,
}: {
  readonly environment: RunEnvironment;
  readonly timings: Readonly<Record<string, number>>;
}) {
  const { adapter } = environment;
  const rows: [string, string][] = [
    [
      "GPU adapter",
      adapter
        ? `${[adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter((part) => part !== "").join(", ")}${adapter.isFallbackAdapter ? " (software)" : ""}`
        : "none",
    ],
    ["Cores", formatCount(environment.cores)],
    ["Browser", environment.userAgent],
    ["Commit", environment.commit],
    [
      "Measured by auto",
      Object.entries(timings)
        .map(([engine, ms]) => `${engine} ${formatShort(ms)} ms`)
        .join(", ") || "–",
    ],
    ["Adapter features", environment.features.join(", ") || "–"],
  ];
  return (
    <Table>
      <Table.Tbody>
        {rows.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th scope="row" w={160}>
              {name}
            </Table.Th>
            <Table.Td style={{ overflowWrap: "anywhere" }}>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
