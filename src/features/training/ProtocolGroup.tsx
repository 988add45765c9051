import { Button, Group, List, SegmentedControl, Text, Tooltip } from "@mantine/core";
import { applyMode, type RunConfig } from "@/contracts/runConfig";
import { type GroupProps, PRESETS } from "./draft";
import { FieldGroup } from "./fields";

const MODES = {
  sound: [
    "Noise without a shift in brightness (mean 0)",
    "Fresh noise at every visit of an image, so it cannot be memorised",
    "Split by patient: nobody is on both sides",
  ],
  paper: [
    "Noise with mean 0.1, as the study added it",
    "One draw of noise per image, kept for all epochs",
    "Split by image: a patient can fall on both sides",
  ],
} as const satisfies Record<RunConfig["mode"], readonly string[]>;

/** Sound or paper, and starting points. */
export function ProtocolGroup({ draft, onChange }: GroupProps) {
  return (
    <FieldGroup title="Protocol">
      <SegmentedControl
        aria-label="Protocol"
        value={draft.mode}
        onChange={(mode) => onChange(applyMode(draft, mode as RunConfig["mode"]))}
        data={[
          { value: "sound", label: "Sound" },
          { value: "paper", label: "As in the paper" },
        ]}
      />
      <List size="sm" spacing={2} c="dimmed">
        {MODES[draft.mode].map((line) => (
          <List.Item key={line}>{line}</List.Item>
        ))}
      </List>
      <Group gap="xs">
        <Text size="sm" fw={550}>
          Starting points:
        </Text>
        {PRESETS.map(({ label, hint, apply }) => (
          <Tooltip key={label} label={hint}>
            <Button variant="default" size="compact-sm" onClick={() => onChange(apply(draft))}>
              {label}
            </Button>
          </Tooltip>
        ))}
      </Group>
    </FieldGroup>
  );
}
