import { Card, NumberInput, type NumberInputProps, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";

export interface NumberFieldProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly error?: string | undefined;
  readonly onChange: (value: number) => void;
  readonly whole?: boolean;
  readonly step?: number;
  readonly disabled?: boolean;
  readonly input?: Partial<NumberInputProps>;
}

/** A number of the config; an empty field is NaN, which the validation names. */
export function NumberField({
  label,
  hint,
  value,
  error,
  onChange,
  whole = false,
  step = 1,
  disabled = false,
  input,
}: NumberFieldProps) {
  return (
    <NumberInput
      label={label}
      description={hint}
      value={Number.isNaN(value) ? "" : value}
      error={error}
      onChange={(next) => onChange(next === "" ? Number.NaN : Number(next))}
      allowDecimal={!whole}
      step={step}
      disabled={disabled}
      inputMode={whole ? "numeric" : "decimal"}
      {...input}
    />
  );
}

/** A field that may be left empty for "none": null then. */
export function OptionalField({
  value,
  onChange,
  ...rest
}: Omit<NumberFieldProps, "value" | "onChange"> & {
  readonly value: number | null;
  readonly onChange: (value: number | null) => void;
}) {
  return (
    <NumberField
      {...rest}
      value={value ?? Number.NaN}
      onChange={(next) => onChange(Number.isNaN(next) ? null : next)}
    />
  );
}

/** A group of fields with its heading. */
export function FieldGroup({
  title,
  lead,
  children,
}: {
  readonly title: string;
  readonly lead?: string;
  readonly children: ReactNode;
}) {
  return (
    <Card component="section" aria-label={title}>
      <Title order={2}>{title}</Title>
      {lead !== undefined && (
        <Text size="sm" c="dimmed" mt={2}>
          {lead}
        </Text>
      )}
      <Stack gap="md" mt="md">
        {children}
      </Stack>
    </Card>
  );
}
