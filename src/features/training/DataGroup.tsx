import { Anchor, Select, SimpleGrid, Text } from "@mantine/core";
import { Link } from "wouter";
import { datasetId, phantomCount } from "@/contracts/runConfig";
import { useDatasets } from "@/state/datasets";
import { formatCount } from "@/ui/format";
import type { GroupProps } from "./draft";
import { FieldGroup, NumberField } from "./fields";

const PHANTOMS = "phantoms";
const DEFAULT_PHANTOMS = 96;

/** Which images, and how large. */
export function DataGroup({ draft, errors, onChange }: GroupProps) {
  const { datasets, status } = useDatasets();
  const { data } = draft;
  const count = phantomCount(data.source);
  const chosenId = datasetId(data.source);
  const chosen = datasets.find((dataset) => dataset.id === chosenId);
  const setData = (part: Partial<typeof data>): void => onChange({ ...draft, data: { ...data, ...part } });
  const choose = (value: string | null): void => {
    if (value === null) return;
    if (value === PHANTOMS) {
      setData({ source: `phantom:${DEFAULT_PHANTOMS}` });
      return;
    }
    const dataset = datasets.find(({ id }) => id === value);
    setData({ source: `dataset:${value}`, size: dataset?.size ?? data.size });
  };
  const missing = chosenId !== null && status === "ready" && !chosen;
  const value = count !== null ? PHANTOMS : chosen ? chosen.id : null;
  return (
    <FieldGroup title="Images">
      <Select
        label="Train on"
        placeholder="Choose images"
        value={value}
        onChange={choose}
        allowDeselect={false}
        error={
          missing
            ? "The dataset of this config is not stored in this browser. Choose another one, or import it."
            : errors["data.source"]
        }
        data={[
          {
            group: "Made here",
            items: [{ value: PHANTOMS, label: "Synthetic phantoms, made here" }],
          },
          {
            group: "Stored in this browser",
            items: datasets.map(({ id, name, imageCount, size, kind }) => ({
              value: id,
              label: `${name}: ${formatCount(imageCount)} images, ${size}²${kind === "phantom" ? ", synthetic" : ""}`,
            })),
          },
        ]}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        {count !== null && (
          <NumberField
            label="Phantoms"
            hint="As many different chests"
            value={count}
            whole
            input={{ min: 1, max: 100_000, clampBehavior: "strict" }}
            onChange={(next) => {
              if (next >= 1) setData({ source: `phantom:${Math.round(next)}` });
            }}
          />
        )}
        <NumberField
          label="Image side (pixels)"
          hint={chosen ? "Given by the dataset" : "A multiple of 16"}
          value={data.size}
          error={errors["data.size"]}
          whole
          step={16}
          disabled={chosen !== undefined}
          onChange={(size) => setData({ size })}
        />
      </SimpleGrid>
      {datasets.length === 0 && status === "ready" && (
        <Text size="sm" c="dimmed">
          No images of your own yet?{" "}
          <Anchor component={Link} href="/datasets" inherit>
            Import some
          </Anchor>
          ; they stay in this browser.
        </Text>
      )}
      {chosen && data.size !== chosen.size && (
        <Text size="sm" c="var(--lab-warn)">
          The dataset is stored at {chosen.size}², the config says {data.size}². Choose the dataset again to
          take its size.
        </Text>
      )}
    </FieldGroup>
  );
}
