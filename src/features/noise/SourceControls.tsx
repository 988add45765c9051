import { ActionIcon, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { memo } from "react";
import { useDatasetsPart } from "@/state/datasets";
import { changeNoise, changeSource, type NoiseSource, PHANTOMS, sourceCount, stepIndex } from "@/state/noise";
import { formatCount } from "@/ui/format";

const PHANTOM = "phantom";
const MAX_SEED = 0xffff_ffff;

export interface SourceControlsProps {
  readonly source: NoiseSource;
  readonly index: number;
  /** Images that one press goes on by. */
  readonly steps: number;
}

/** Which image: a phantom or one of a stored dataset, and stepping through them. Renders when its props change. */
export const SourceControls = memo(function SourceControls({ source, index, steps }: SourceControlsProps) {
  const datasets = useDatasetsPart((state) => state.datasets);
  const choose = (value: string | null) => {
    const dataset = datasets.find(({ id }) => id === value);
    if (dataset) changeSource({ kind: "dataset", datasetId: dataset.id, imageCount: dataset.imageCount });
    else if (value === PHANTOM) changeSource(PHANTOMS);
  };
  const count = sourceCount(source);
  const step = (by: number) => changeNoise({ index: stepIndex(source, index, by) });
  return (
    <Stack gap="sm">
      <Select
        label="Image"
        allowDeselect={false}
        value={source.kind === "dataset" ? source.datasetId : PHANTOM}
        onChange={choose}
        data={[
          { value: PHANTOM, label: "Phantom (synthetic)" },
          ...datasets
            .filter(({ imageCount }) => imageCount > 0)
            .map(({ id, name, kind }) => ({
              value: id,
              label: kind === "phantom" ? `${name} (synthetic)` : name,
            })),
        ]}
      />
      <Group gap="xs" wrap="nowrap">
        <ActionIcon
          variant="default"
          size="lg"
          aria-label="Previous image"
          disabled={count === null && index === 0}
          onClick={() => step(-steps)}
        >
          <IconChevronLeft size={18} />
        </ActionIcon>
        <Text size="sm" ta="center" style={{ flex: 1 }} aria-live="polite">
          {source.kind === "phantom" ? "Patient" : "Image"} {formatCount(index + 1)}
          {count !== null && ` of ${formatCount(count)}`}
        </Text>
        <ActionIcon variant="default" size="lg" aria-label="Next image" onClick={() => step(steps)}>
          <IconChevronRight size={18} />
        </ActionIcon>
      </Group>
      {source.kind === "phantom" && (
        <NumberInput
          label="Phantom seed"
          min={0}
          max={MAX_SEED}
          allowDecimal={false}
          hideControls={false}
          value={source.seed}
          onChange={(seed) => typeof seed === "number" && changeSource({ ...source, seed })}
        />
      )}
    </Stack>
  );
});
