import { Input, SegmentedControl, Select, SimpleGrid } from "@mantine/core";
import {
  ENGINES,
  type EngineName,
  NETWORK_NAMES,
  NETWORK_TITLES,
  type NetworkName,
  type RunConfig,
  withNetwork,
} from "@/contracts/runConfig";
import { type GroupProps, whyNot } from "./draft";
import { FieldGroup, NumberField } from "./fields";
import { SETUPS, SetupNote, setupName } from "./SetupNote";

const ENGINE_NAMES: Readonly<Record<EngineName, string>> = {
  auto: "auto: time what is available, take the fastest",
  webgpu: "webgpu: the lab's own kernels",
  "tfjs-webgpu": "tfjs-webgpu: TensorFlow.js on WebGPU",
  "tfjs-webgl": "tfjs-webgl: TensorFlow.js on WebGL",
  "tfjs-wasm": "tfjs-wasm: TensorFlow.js in WebAssembly",
  "tfjs-cpu": "tfjs-cpu: TensorFlow.js in plain JavaScript, slow",
};

/** Mean, σ and when it is drawn. */
export function NoiseGroup({ draft, errors, onChange }: GroupProps) {
  const { noise } = draft;
  const setNoise = (part: Partial<typeof noise>): void =>
    onChange({ ...draft, noise: { ...noise, ...part } });
  return (
    <FieldGroup title="Noise">
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <NumberField
          label="Standard deviation σ"
          hint="Of pixels in [0, 1]"
          value={noise.std}
          error={errors["noise.std"]}
          step={0.05}
          onChange={(std) => setNoise({ std })}
        />
        <NumberField
          label="Mean"
          hint="0: brightness stays"
          value={noise.mean}
          error={errors["noise.mean"]}
          step={0.05}
          onChange={(mean) => setNoise({ mean })}
        />
      </SimpleGrid>
      <Input.Wrapper label="Drawn" labelElement="div">
        <SegmentedControl
          fullWidth
          mt={4}
          aria-label="When noise is drawn"
          value={noise.draw}
          onChange={(draw) => setNoise({ draw: draw as RunConfig["noise"]["draw"] })}
          data={[
            { value: "fresh", label: "At every visit" },
            { value: "once", label: "Once per image" },
          ]}
        />
      </Input.Wrapper>
    </FieldGroup>
  );
}

const LEVELS_HINT =
  "Channels of the first level; the five levels have 1, 2, 4, 8 and 16 times as many. The study uses 64.";
const WIDTH_HINTS: Readonly<Record<NetworkName, string>> = {
  unet: LEVELS_HINT,
  unetpp: LEVELS_HINT,
  dncnn: "Channels of each of the 17 layers, all at full size. Its authors use 64.",
};

/** Which network, how wide. */
export function NetworkGroup({ draft, errors, onChange }: GroupProps) {
  const { model } = draft;
  const setModel = (part: Partial<typeof model>): void =>
    onChange({ ...draft, model: { ...model, ...part } });
  return (
    <FieldGroup title="Network">
      <SegmentedControl
        aria-label="Network"
        value={model.name}
        onChange={(name) => setModel(withNetwork(model, name as NetworkName))}
        data={NETWORK_NAMES.map((value) => ({ value, label: NETWORK_TITLES[value] }))}
      />
      <NumberField
        label="Width"
        hint={WIDTH_HINTS[model.name]}
        value={model.width}
        error={errors["model.width"]}
        whole
        onChange={(width) => setModel({ width })}
      />
    </FieldGroup>
  );
}

/** How it learns. */
export function OptimisationGroup({ draft, errors, onChange }: GroupProps) {
  const { training } = draft;
  const setTraining = (part: Partial<typeof training>): void =>
    onChange({ ...draft, training: { ...training, ...part } });
  return (
    <FieldGroup title="Optimisation">
      <SimpleGrid cols={{ base: 1, xs: 3 }}>
        <NumberField
          label="Epochs"
          value={training.epochs}
          error={errors["training.epochs"]}
          whole
          onChange={(epochs) => setTraining({ epochs })}
        />
        <NumberField
          label="Batch size"
          value={training.batchSize}
          error={errors["training.batchSize"]}
          whole
          onChange={(batchSize) => setTraining({ batchSize })}
        />
        <NumberField
          label="Learning rate"
          value={training.learningRate}
          error={errors["training.learningRate"]}
          step={0.0005}
          onChange={(learningRate) => setTraining({ learningRate })}
        />
      </SimpleGrid>
    </FieldGroup>
  );
}

/** What computes it. What this version cannot do is shown with the reason. */
export function EngineGroup({ draft, onChange }: GroupProps) {
  const { engine } = draft;
  const setEngine = (part: Partial<typeof engine>): void =>
    onChange({ ...draft, engine: { ...engine, ...part } });
  const option = <T extends string>(value: T, label: string, reason: string | null) => ({
    value,
    label: reason === null ? label : `${label} (not in this version)`,
    disabled: reason !== null,
  });
  return (
    <FieldGroup title="Engine">
      <Select
        label="Runs on"
        value={engine.name}
        allowDeselect={false}
        onChange={(name) => {
          if (name !== null) setEngine({ name: name as EngineName });
        }}
        error={whyNot(draft, { name: engine.name })}
        data={ENGINES.map((name) => option(name, ENGINE_NAMES[name], whyNot(draft, { name })))}
      />
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        <Select
          label="Precision"
          value={engine.precision}
          allowDeselect={false}
          onChange={(precision) => setEngine({ precision: precision === "mixed" ? "mixed" : "f32" })}
          error={whyNot(draft, { name: engine.name, precision: engine.precision })}
          data={[option("f32", "32-bit floats", null), option("mixed", "Mixed 16/32-bit", null)]}
        />
        <Select
          label="Replicas"
          value={engine.setup}
          allowDeselect={false}
          onChange={(setup) => {
            if (setup !== null) setEngine({ setup });
          }}
          data={[...new Set([...SETUPS, engine.setup])].map((setup) => ({
            value: setup,
            label: setupName(setup),
          }))}
        />
      </SimpleGrid>
      <SetupNote draft={draft} />
    </FieldGroup>
  );
}
