import { Group, NumberInput, Slider, Stack, Text } from "@mantine/core";
import { memo, useId } from "react";
import classes from "./NumberSlider.module.css";

export interface NumberSliderProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  /** Called while the thumb moves. */
  readonly onChange: (value: number) => void;
  /** Called when the thumb is let go or a number was typed. */
  readonly onChangeEnd?: (value: number) => void;
  readonly disabled?: boolean;
}

/** A slider with its number beside it: drag roughly or type exactly. Renders when its props change. */
export const NumberSlider = memo(function NumberSlider({
  label,
  value,
  min,
  max,
  step,
  onChange,
  onChangeEnd,
  disabled = false,
}: NumberSliderProps) {
  const id = useId();
  const digits = Math.max(0, Math.ceil(-Math.log10(step)));
  const typed = (next: number | string) => {
    if (typeof next !== "number" || next < min || next > max || next === value) return;
    onChange(next);
    onChangeEnd?.(next);
  };
  return (
    <Stack gap={4}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Text size="sm" fw={600} component="label" htmlFor={id}>
          {label}
        </Text>
        <NumberInput
          id={id}
          size="xs"
          value={value}
          min={min}
          max={max}
          step={step}
          decimalScale={digits}
          fixedDecimalScale
          disabled={disabled}
          onChange={typed}
          className={classes["number"] ?? ""}
        />
      </Group>
      <Slider
        value={value}
        min={min}
        max={max}
        step={step}
        label={null}
        disabled={disabled}
        onChange={(next) => onChange(round(next, digits))}
        onChangeEnd={(next) => onChangeEnd?.(round(next, digits))}
        thumbLabel={label}
        thumbSize={18}
      />
    </Stack>
  );
});

/** A slider's steps in binary carry dust behind the digits that are shown. */
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
