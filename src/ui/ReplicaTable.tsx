import { Badge, Group, Table, Text } from "@mantine/core";
import type { ReplicaRecord } from "@/contracts/training";
import { formatCount, formatFixed, formatSeconds } from "./format";

/** Each replica of a run: its device, what it has done, and where the time went. */
export function ReplicaTable({
  replicas,
  synchronised,
}: {
  readonly replicas: readonly ReplicaRecord[];
  /** Batch normalisation went by the statistics of all of them. */
  readonly synchronised: boolean;
}) {
  const shared = replicas.some((replica) => replica.shared);
  return (
    <>
      <Table.ScrollContainer minWidth={520}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Replica</Table.Th>
              <Table.Th>Device</Table.Th>
              <Table.Th>Images</Table.Th>
              <Table.Th>Images/s</Table.Th>
              <Table.Th>Computing</Table.Th>
              <Table.Th>Exchange</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {replicas.map((replica, rank) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a replica is its rank
              <Table.Tr key={rank}>
                <Table.Td>{rank}</Table.Td>
                <Table.Td>
                  <Group gap={6}>
                    {replica.adapter}
                    {replica.shared && <Badge variant="default">shared</Badge>}
                    {replica.lost && (
                      <Badge color="orange" title={replica.lost}>
                        lost
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td>{formatCount(replica.images)}</Table.Td>
                <Table.Td>
                  {replica.computeMs > 0 ? formatFixed((1000 * replica.images) / replica.computeMs, 1) : "–"}
                </Table.Td>
                <Table.Td>{formatSeconds(replica.computeMs / 1000)}</Table.Td>
                <Table.Td>{formatSeconds(replica.exchangeMs / 1000)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="sm" c="dimmed" mt="xs">
        {shared ? "Shared device: no speed-up is claimed. " : ""}
        Exchange is reading, averaging and writing gradients, with the time waited for the other replicas.
        {synchronised
          ? " Batch normalisation is synchronised: by the statistics of all replicas' images."
          : ""}
      </Text>
    </>
  );
}
