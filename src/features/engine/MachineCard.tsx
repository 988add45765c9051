import { Badge, Card, Group, Text, Title } from "@mantine/core";
import type { AdapterInfo } from "@/contracts/training";
import { adapterName, type GpuState } from "@/state/adapter";
import { formatBytes, formatCount } from "@/ui/format";
import { Stat, StatRow } from "@/ui/Stat";

const MATRIX_FEATURE = "chromium-experimental-subgroup-matrix";

export interface MachineCardProps {
  readonly gpu: Extract<GpuState, { status: "gpu" | "software" }>;
  /** What the engine calls the adapter, once it has a device: it tells software adapters apart that the browser does not. */
  readonly adapter: AdapterInfo | null;
}

/** What the engine runs on, and what that can do. */
export function MachineCard({ gpu, adapter }: MachineCardProps) {
  const { features, limits, subgroupLanes } = gpu.offers;
  const software = gpu.status === "software";
  const has = (feature: string): string => (features.includes(feature) ? "yes" : "no");
  return (
    <Card component="section" aria-label="This machine">
      <Group justify="space-between" gap="xs" mb="md">
        <div style={{ minWidth: 0 }}>
          <Title order={2} style={{ overflowWrap: "anywhere" }}>
            {adapter ? adapterName(adapter) : gpu.name}
          </Title>
          <Text size="sm" c="dimmed">
            {software
              ? "A software adapter: it computes on the processor, so its times say nothing about a graphics card."
              : "The graphics adapter that this browser offers."}
          </Text>
        </div>
        <Badge
          c={software ? "var(--lab-warn)" : "var(--lab-accent-ink)"}
          bg={software ? "var(--lab-warn-soft)" : "var(--lab-accent-soft)"}
        >
          {software ? "Software adapter" : "Graphics adapter"}
        </Badge>
      </Group>
      <StatRow>
        <Stat label="16-bit floats" value={has("shader-f16")} note="for mixed precision" />
        <Stat
          label="Subgroups"
          value={
            subgroupLanes === null
              ? "no"
              : subgroupLanes[0] === subgroupLanes[1]
                ? `${subgroupLanes[0]} lanes`
                : `${subgroupLanes[0]} to ${subgroupLanes[1]} lanes`
          }
          note="lanes that share values"
        />
        <Stat label="Matrix units" value={has(MATRIX_FEATURE)} note="as the browser tells" />
        <Stat
          label="Timestamps"
          value={has("timestamp-query")}
          note={features.includes("timestamp-query") ? "dispatches can be timed" : "no measuring here"}
        />
        <Stat label="Largest buffer" value={formatBytes(limits.maxBufferSize)} />
        <Stat
          label="Largest binding"
          value={formatBytes(limits.maxStorageBufferBindingSize)}
          note="one tensor"
        />
        <Stat
          label="Workgroup memory"
          value={formatBytes(limits.maxComputeWorkgroupStorageSize)}
          note={`${formatCount(limits.maxComputeInvocationsPerWorkgroup)} threads`}
        />
      </StatRow>
    </Card>
  );
}
