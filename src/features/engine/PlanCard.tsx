import { Card, Input, SegmentedControl, Select, Text, Title } from "@mantine/core";
import { NETWORK_NAMES, NETWORK_TITLES, type NetworkName, withNetwork } from "@/contracts/runConfig";
import { NumberField } from "@/features/training/fields";
import type { EngineLabState } from "@/state/engineLab";
import { PlanActions } from "./PlanActions";
import classes from "./PlanCard.module.css";
import type { PlanDraft } from "./planDraft";
import type { PlanForm } from "./usePlanDraft";

export interface PlanCardProps {
  readonly form: PlanForm;
  readonly lab: EngineLabState;
}

/** Which plan, and what can be done with it. */
export function PlanCard({ form, lab }: PlanCardProps) {
  const { draft, errors, onChange, valid } = form;
  const { config, pass } = draft;
  const disabled = lab.job !== null;
  const setConfig = (part: Partial<PlanDraft["config"]>): void =>
    onChange({ ...draft, config: { ...config, ...part } });
  const { model, data, training, engine } = config;
  return (
    <Card component="section" aria-label="Plan">
      <Title order={2} mb="md">
        Plan
      </Title>
      <div className={classes["fields"]}>
        <Input.Wrapper label="Network" labelElement="div" className={classes["switch"] ?? ""}>
          <SegmentedControl
            fullWidth
            aria-label="Network"
            disabled={disabled}
            value={model.name}
            onChange={(name) => setConfig({ model: withNetwork(model, name as NetworkName) })}
            data={NETWORK_NAMES.map((value) => ({ value, label: NETWORK_TITLES[value] }))}
          />
        </Input.Wrapper>
        <Input.Wrapper label="Pass" labelElement="div" className={classes["switch"] ?? ""}>
          <SegmentedControl
            fullWidth
            aria-label="Pass"
            disabled={disabled}
            value={pass}
            onChange={(next) => onChange({ ...draft, pass: next === "inference" ? "inference" : "training" })}
            data={[
              { value: "training", label: "Training" },
              { value: "inference", label: "Inference" },
            ]}
          />
        </Input.Wrapper>
        <NumberField
          label="Width"
          value={model.width}
          error={errors["model.width"]}
          whole
          disabled={disabled}
          onChange={(width) => setConfig({ model: { ...model, width } })}
        />
        <NumberField
          label="Size (pixels)"
          value={data.size}
          error={errors["data.size"]}
          whole
          step={16}
          disabled={disabled}
          onChange={(size) => setConfig({ data: { ...data, size } })}
        />
        <NumberField
          label="Images a batch"
          value={training.batchSize}
          error={errors["training.batchSize"]}
          whole
          disabled={disabled}
          onChange={(batchSize) => setConfig({ training: { ...training, batchSize } })}
        />
        <Select
          label="Precision"
          value={engine.precision}
          allowDeselect={false}
          disabled={disabled}
          onChange={(precision) =>
            setConfig({ engine: { ...engine, precision: precision === "mixed" ? "mixed" : "f32" } })
          }
          data={[
            { value: "f32", label: "32-bit floats" },
            { value: "mixed", label: "Mixed 16/32-bit" },
          ]}
        />
      </div>
      {!valid && (
        <Text size="sm" c="var(--lab-warn)" mt="sm" role="status">
          Correct the fields above; the plan follows by itself.
        </Text>
      )}
      <PlanActions lab={lab} valid={valid} />
    </Card>
  );
}
