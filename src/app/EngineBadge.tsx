import { Anchor, Stack, Text } from "@mantine/core";
import { IconCpu, IconCpu2, IconCpuOff } from "@tabler/icons-react";
import { Link } from "wouter";
import { useGpu } from "@/state/adapter";
import { HeaderBadge } from "./HeaderBadge";

/** What the networks run on here. */
export function EngineBadge() {
  const gpu = useGpu();
  switch (gpu.status) {
    case "looking":
      return null;
    case "gpu":
      return (
        <HeaderBadge
          icon={<IconCpu2 size={19} stroke={1.7} />}
          text={gpu.name}
          label={`Graphics adapter: ${gpu.name}. What does it do here?`}
        >
          {(close) => (
            <Stack gap="xs">
              <Text fw={650}>WebGPU: {gpu.name}</Text>
              <Text size="sm">
                Networks can run on this adapter. With the engine on “auto” a run first times a few steps on
                everything available and takes the fastest.
              </Text>
              <EngineLink onFollow={close} />
            </Stack>
          )}
        </HeaderBadge>
      );
    case "software":
      return (
        <HeaderBadge
          icon={<IconCpu size={19} stroke={1.7} />}
          text="WebGPU in software"
          label="WebGPU runs in software here. What does that mean?"
        >
          {(close) => (
            <Stack gap="xs">
              <Text fw={650}>WebGPU without a graphics card</Text>
              <Text size="sm">
                This browser offers “{gpu.name}”, which computes on the processor. WebAssembly is usually
                faster then; “auto” measures both and takes the fastest. Small networks and images train well
                this way.
              </Text>
              <EngineLink onFollow={close} />
            </Stack>
          )}
        </HeaderBadge>
      );
    case "none":
      return (
        <HeaderBadge
          icon={<IconCpuOff size={19} stroke={1.7} />}
          text="No WebGPU: WebAssembly"
          tone="warn"
          label="No WebGPU: WebAssembly is used. What works?"
        >
          <Stack gap="xs">
            <Text fw={650}>No WebGPU: WebAssembly is used</Text>
            <Text size="sm">
              {gpu.reason} Everything in the lab works all the same, on the processor: importing, noise,
              training, results and denoising. Choose small networks (width 8) and images (64 pixels) for
              training.
            </Text>
            <Text size="sm">
              For speed, open the lab in a current Chrome or Edge with hardware acceleration switched on.
            </Text>
          </Stack>
        </HeaderBadge>
      );
    default:
      return gpu satisfies never;
  }
}

function EngineLink({ onFollow }: { readonly onFollow: () => void }) {
  return (
    <Anchor component={Link} href="/engine" size="sm" onClick={onFollow}>
      Look into the engine: plan, times, tuning
    </Anchor>
  );
}
