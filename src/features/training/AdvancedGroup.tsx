import { Accordion, Checkbox, Input, SegmentedControl, Select, SimpleGrid, Stack } from "@mantine/core";
import { useState } from "react";
import { ALL_METHODS, NORMS, type NormName, type RunConfig, setupOf } from "@/contracts/runConfig";
import type { GroupProps } from "./draft";
import { NumberField, OptionalField } from "./fields";

const NORM_LABELS: Readonly<Record<NormName, string>> = {
  last: "After the second convolution",
  both: "After each convolution",
  none: "None",
};
const DNCNN_LAST = "After each inner convolution";
const PARTS = ["Training", "Validation", "Test"] as const;

/** What seldom changes, folded away. Opens by itself when one of its fields is wrong. */
export function AdvancedGroup(props: GroupProps) {
  const [open, setOpen] = useState<string | null>(null);
  const wrong = Object.keys(props.errors).some(
    (path) =>
      /^(seed|trace|data\.(split|maxImages)|evaluation\.)/.test(path) ||
      /^training\.(beta|epsilon|maxSteps|early)/.test(path),
  );
  return (
    <Accordion variant="separated" value={wrong ? "advanced" : open} onChange={setOpen}>
      <Accordion.Item value="advanced">
        <Accordion.Control>Advanced: split, seed, optimiser, stopping, records</Accordion.Control>
        <Accordion.Panel>
          <Fields {...props} />
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}

/** Which methods, and what they cost. */
function comparisonHint(baselines: readonly string[]): string {
  const named = baselines.length > 0 && !baselines.includes(ALL_METHODS);
  return named
    ? `${baselines.join(", ")}: runs on the processor`
    : "Filters to BM3D, on the processor: some seconds for an image of 256²";
}

function Fields({ draft, errors, onChange }: GroupProps) {
  const { data, training, model, evaluation } = draft;
  const setData = (part: Partial<typeof data>): void => onChange({ ...draft, data: { ...data, ...part } });
  const setTraining = (part: Partial<typeof training>): void =>
    onChange({ ...draft, training: { ...training, ...part } });
  return (
    <Stack gap="md">
      <Input.Wrapper label="Split of the images" labelElement="div" error={errors["data.split"]}>
        <SimpleGrid cols={3} mt={4} mb={4}>
          {PARTS.map((part, index) => (
            <NumberField
              key={part}
              label={part}
              value={data.split[index] ?? Number.NaN}
              step={0.05}
              onChange={(share) => {
                const [train, validation, test] = data.split;
                setData({
                  split: [
                    index === 0 ? share : train,
                    index === 1 ? share : validation,
                    index === 2 ? share : test,
                  ],
                });
              }}
            />
          ))}
        </SimpleGrid>
      </Input.Wrapper>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label="Split by"
          description="What is never on two sides"
          value={data.splitBy}
          allowDeselect={false}
          onChange={(by) => setData({ splitBy: by === "image" ? "image" : "patient" })}
          data={[
            { value: "patient", label: "Patient" },
            { value: "image", label: "Image" },
          ]}
        />
        <OptionalField
          label="Use only the first … images"
          hint="Empty: all"
          value={data.maxImages}
          error={errors["data.maxImages"]}
          whole
          onChange={(maxImages) => setData({ maxImages })}
        />
        <NumberField
          label="Seed"
          hint="Weights, split, order and noise follow from it"
          value={draft.seed}
          error={errors["seed"]}
          whole
          onChange={(seed) => onChange({ ...draft, seed })}
        />
        <Select
          label="Batch normalisation"
          description={
            model.name === "dncnn"
              ? "Published weights have theirs merged into the convolutions"
              : "The study's two-GPU U-Net had it twice a block"
          }
          value={model.norm}
          allowDeselect={false}
          onChange={(norm) => onChange({ ...draft, model: { ...model, norm: (norm ?? "last") as NormName } })}
          data={NORMS[model.name].map((value) => ({
            value,
            label: value === "last" && model.name === "dncnn" ? DNCNN_LAST : NORM_LABELS[value],
          }))}
        />
      </SimpleGrid>
      {setupOf(draft).replicas > 1 && <StatisticsField draft={draft} errors={errors} onChange={onChange} />}
      <Input.Wrapper label="Loss" labelElement="div">
        <SegmentedControl
          fullWidth
          mt={4}
          aria-label="Loss"
          value={training.loss}
          onChange={(loss) => setTraining({ loss: loss as RunConfig["training"]["loss"] })}
          data={[
            { value: "l1", label: "L1, absolute error" },
            { value: "l2", label: "L2, squared error" },
          ]}
        />
      </Input.Wrapper>
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        <NumberField
          label="Adam β₁"
          value={training.beta1}
          error={errors["training.beta1"]}
          step={0.01}
          onChange={(beta1) => setTraining({ beta1 })}
        />
        <NumberField
          label="Adam β₂"
          value={training.beta2}
          error={errors["training.beta2"]}
          step={0.001}
          onChange={(beta2) => setTraining({ beta2 })}
        />
        <NumberField
          label="Adam ε"
          value={training.epsilon}
          error={errors["training.epsilon"]}
          step={1e-8}
          input={{ decimalScale: 12 }}
          onChange={(epsilon) => setTraining({ epsilon })}
        />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <OptionalField
          label="Stop after … steps"
          hint="Empty: after the last epoch"
          value={training.maxSteps}
          error={errors["training.maxSteps"]}
          whole
          onChange={(maxSteps) => setTraining({ maxSteps })}
        />
        <OptionalField
          label="Early stopping patience (epochs)"
          hint="Empty: never"
          value={training.earlyStoppingPatience}
          error={errors["training.earlyStoppingPatience"]}
          whole
          onChange={(earlyStoppingPatience) => setTraining({ earlyStoppingPatience })}
        />
        <NumberField
          label="Test images in an export"
          hint="As PNG and NPY"
          value={evaluation.exportImages}
          error={errors["evaluation.exportImages"]}
          whole
          onChange={(exportImages) => onChange({ ...draft, evaluation: { ...evaluation, exportImages } })}
        />
        <NumberField
          label="Record the first … steps"
          hint="For replaying them in PyTorch; 0: none"
          value={draft.trace}
          error={errors["trace"]}
          whole
          onChange={(trace) => onChange({ ...draft, trace })}
        />
      </SimpleGrid>
      <Checkbox
        label="Compare with prior methods after the test"
        description={comparisonHint(evaluation.baselines)}
        checked={evaluation.baselines.length > 0}
        onChange={({ currentTarget: { checked } }) =>
          onChange({ ...draft, evaluation: { ...evaluation, baselines: checked ? [ALL_METHODS] : [] } })
        }
      />
    </Stack>
  );
}

/** Whose statistics BatchNorm goes by where several replicas share a step. */
function StatisticsField({ draft, onChange }: GroupProps) {
  const { engine } = draft;
  const all = engine.batchNorm === "synchronised";
  return (
    <Select
      label="Statistics of batch normalisation"
      description={
        all
          ? "A step computes what one replica would with all images; replicas wait for each other at every batch normalisation"
          : "Replicas wait for each other once a step; each normalises by its own images, as PyTorch does by default"
      }
      value={engine.batchNorm ?? "local"}
      allowDeselect={false}
      onChange={(value) => {
        const { batchNorm: _, ...rest } = engine;
        onChange({
          ...draft,
          engine: value === "synchronised" ? { ...rest, batchNorm: "synchronised" } : rest,
        });
      }}
      data={[
        { value: "local", label: "Each replica's own" },
        { value: "synchronised", label: "Of all replicas together" },
      ]}
    />
  );
}
