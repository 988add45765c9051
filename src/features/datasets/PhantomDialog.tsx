import { Button, Group, NumberInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { renderPhantoms } from "@/state/datasets";
import { Dialog } from "@/ui/Dialog";
import { SizeChoice } from "./ImportDialog";

const MAX_COUNT = 20_000;
const MAX_SEED = 0xffff_ffff;

/** Asks how many synthetic radiographs to make, then starts rendering them. */
export function PhantomDialog({ onClose }: { readonly onClose: () => void }) {
  const [count, setCount] = useState<number | string>(64);
  const [size, setSize] = useState<number>(128);
  const [seed, setSeed] = useState<number | string>(42);
  const valid = typeof count === "number" && count >= 3 && typeof seed === "number";
  return (
    <Dialog onClose={onClose} title="Generate phantoms" size="md">
      <Stack gap="md">
        <Text size="sm">
          Computed radiographs of a made-up chest: good for trying the lab without any file. They are
          synthetic and labelled so everywhere; the same seed gives the same images.
        </Text>
        <NumberInput
          label="Number of images"
          min={3}
          max={MAX_COUNT}
          allowDecimal={false}
          hideControls={false}
          value={count}
          onChange={setCount}
          data-autofocus
        />
        <SizeChoice size={size} onSize={setSize} />
        <NumberInput
          label="Seed"
          min={0}
          max={MAX_SEED}
          allowDecimal={false}
          hideControls={false}
          value={seed}
          onChange={setSeed}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            disabled={!valid}
            onClick={() => {
              if (!valid) return;
              void renderPhantoms({ count, size, seed });
              onClose();
            }}
          >
            Generate
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
