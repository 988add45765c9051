import { Card, Group, SegmentedControl, Select, Text, Title } from "@mantine/core";
import { useMemo, useState } from "react";
import { formatCount } from "@/ui/format";
import { DispatchRows } from "./DispatchRows";
import { FAMILIES, type Family } from "./families";
import { filterRows, type NodeFilter, type NodeRow, type NodeSort, nextSort, sortRows } from "./nodes";

export interface NodeTableProps {
  /** Every dispatch of the plan. */
  readonly rows: readonly NodeRow[];
  readonly filter: NodeFilter;
  readonly onFilter: (filter: NodeFilter) => void;
  /** The dispatch to go to, by its place in the plan; a new object goes there again. */
  readonly chosen: { readonly index: number } | null;
}

/** Every dispatch with its numbers, to sort and to filter. */
export function NodeTable({ rows, filter, onFilter, chosen }: NodeTableProps) {
  const [sort, setSort] = useState<NodeSort>({ key: "index", descending: false });
  const shown = useMemo(() => filterRows(rows, filter), [rows, filter]);
  const sorted = useMemo(() => sortRows(shown, sort), [shown, sort]);
  const longestMs = useMemo(() => Math.max(...rows.map(({ ms }) => ms ?? 0)), [rows]);
  const families = useMemo(() => [...new Set(rows.map(({ family }) => family))], [rows]);
  return (
    <Card component="section" aria-label="Dispatches">
      <Group justify="space-between" mb="sm">
        <div>
          <Title order={2}>Dispatches</Title>
          <Text size="sm" c="dimmed" role="status">
            {shown.length === rows.length
              ? `All ${formatCount(rows.length)}, in the order in which they run unless you sort them.`
              : `${formatCount(shown.length)} of ${formatCount(rows.length)}.`}
          </Text>
        </div>
        <Group gap="sm">
          <SegmentedControl
            aria-label="Direction"
            value={filter.direction}
            onChange={(direction) => onFilter({ ...filter, direction: direction as NodeFilter["direction"] })}
            data={[
              { value: "all", label: "Both ways" },
              { value: "forward", label: "Forward" },
              { value: "backward", label: "Backward" },
            ]}
          />
          <Select
            aria-label="Operation"
            w={210}
            allowDeselect={false}
            value={filter.family}
            onChange={(family) => onFilter({ ...filter, family: (family ?? "all") as Family | "all" })}
            data={[
              { value: "all", label: "All operations" },
              ...families.map((family) => ({ value: family, label: FAMILIES[family].label })),
            ]}
          />
        </Group>
      </Group>
      <DispatchRows
        rows={sorted}
        longestMs={longestMs}
        sort={sort}
        onSort={(key) => setSort(nextSort(sort, key))}
        chosen={chosen}
      />
    </Card>
  );
}
