import { Alert, Text } from "@mantine/core";
import { IconCpuOff } from "@tabler/icons-react";
import { useGpu } from "@/state/adapter";
import classes from "./NoGpuNotice.module.css";

/** Where there is no WebGPU: what that means, and what works all the same. Nothing where there is. */
export function NoGpuNotice() {
  const gpu = useGpu();
  if (gpu.status !== "none") return null;
  return (
    <Alert
      mb="lg"
      title="No WebGPU here: the lab computes with WebAssembly"
      icon={<IconCpuOff />}
      classNames={{ root: classes["root"] ?? "", title: classes["ink"] ?? "", icon: classes["ink"] ?? "" }}
    >
      <Text size="sm" c="var(--lab-ink)">
        {gpu.reason} Everything works all the same: import, noise, training, results, denoising. Choose small
        networks (width 8) and images (64 pixels) for training, as the demo does.
      </Text>
    </Alert>
  );
}
