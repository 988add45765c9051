import { Anchor, Checkbox, Table, Text } from "@mantine/core";
import { Link } from "wouter";
import type { RunRecord } from "@/contracts/run";
import { useModels } from "@/state/models";
import { bestPsnr } from "@/state/runs";
import { formatAgo, formatBytes, formatFixed, formatSeconds } from "@/ui/format";
import { RunMenu } from "./RunActions";
import classes from "./RunsTable.module.css";
import { networkName, noiseName, runSeconds, weightBytes } from "./runFacts";
import { StatusBadge } from "./StatusBadge";

export interface RunsTableProps {
  readonly runs: readonly RunRecord[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (id: string, on: boolean) => void;
}

/** The runs, newest first. Columns that do not fit a phone move into the line under the name. */
export function RunsTable({ runs, selected, onSelect }: RunsTableProps) {
  const { models } = useModels();
  const now = Date.now();
  return (
    <Table highlightOnHover className={classes["table"] ?? ""}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th scope="col" w={44}>
            <span className={classes["hidden"]}>Compare</span>
          </Table.Th>
          <Table.Th scope="col">Run</Table.Th>
          <Table.Th scope="col" className={classes["wide"] ?? ""}>
            Status
          </Table.Th>
          <Table.Th scope="col" className={classes["wide"] ?? ""}>
            Network
          </Table.Th>
          <Table.Th scope="col" className={classes["wide"] ?? ""}>
            Noise
          </Table.Th>
          <Table.Th scope="col" ta="right">
            Best PSNR
          </Table.Th>
          <Table.Th scope="col" ta="right" className={classes["wide"] ?? ""}>
            Time
          </Table.Th>
          <Table.Th scope="col" ta="right" className={classes["wide"] ?? ""}>
            Weights
          </Table.Th>
          <Table.Th scope="col" w={52}>
            <span className={classes["hidden"]}>Actions</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {runs.map((run) => {
          const best = bestPsnr(run);
          const bytes = weightBytes(run.id, models);
          return (
            <Table.Tr key={run.id} data-selected={selected.has(run.id) || undefined}>
              <Table.Td>
                <Checkbox
                  aria-label={`Compare ${run.name}`}
                  checked={selected.has(run.id)}
                  onChange={(event) => onSelect(run.id, event.currentTarget.checked)}
                />
              </Table.Td>
              <Table.Td className={classes["name"] ?? ""}>
                <Anchor component={Link} href={`/runs/${run.id}`} fw={600} underline="hover">
                  {run.name}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {formatAgo(run.createdAt, now)}
                  <span className={classes["narrow"]}>
                    {`, ${run.status}, ${networkName(run.config.model)}, ${noiseName(run.config.noise)}`}
                  </span>
                </Text>
              </Table.Td>
              <Table.Td className={classes["wide"] ?? ""}>
                <StatusBadge status={run.status} />
              </Table.Td>
              <Table.Td className={classes["wide"] ?? ""}>{networkName(run.config.model)}</Table.Td>
              <Table.Td className={classes["wide"] ?? ""}>{noiseName(run.config.noise)}</Table.Td>
              <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>
                {best ? `${formatFixed(best.psnrDb, 2)} dB` : "–"}
              </Table.Td>
              <Table.Td ta="right" className={classes["wide"] ?? ""}>
                {formatSeconds(runSeconds(run))}
              </Table.Td>
              <Table.Td ta="right" className={classes["wide"] ?? ""}>
                {bytes > 0 ? formatBytes(bytes) : "–"}
              </Table.Td>
              <Table.Td>
                <RunMenu run={run} />
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
