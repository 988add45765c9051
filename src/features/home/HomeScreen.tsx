import { SimpleGrid, Text, Title } from "@mantine/core";
import { useReducedMotion } from "@mantine/hooks";
import { IconDatabase, IconSparkles, IconTransform, IconWaveSawTool } from "@tabler/icons-react";
import { useEffect } from "react";
import { useSearch } from "wouter";
import { NoGpuNotice } from "@/features/training/NoGpuNotice";
import { ResumeBanner } from "@/features/training/ResumeBanner";
import { startDemo } from "@/state/demo";
import { useRuns } from "@/state/runs";
import { trainingStore } from "@/state/training";
import { PageHeader } from "@/ui/PageHeader";
import { DemoPanel } from "./DemoPanel";
import { StepCard } from "./StepCard";

/** The demo starts by itself once a page load at most: a demo that was stopped stays stopped. */
let autostarted = false;

/**
 * On a first visit (no run stored yet) the demo starts by itself, so that something is learning within seconds of the
 * page opening. It does not for people who ask for reduced motion, nor with `?demo=off`.
 */
function useAutostart(): void {
  const reducedMotion = useReducedMotion();
  const off = new URLSearchParams(useSearch()).get("demo") === "off";
  const { status, runs } = useRuns();
  const firstVisit = status === "ready" && runs.length === 0;
  useEffect(() => {
    if (autostarted || !firstVisit || off || reducedMotion) return;
    if (trainingStore.getState().phase !== null) return;
    autostarted = true;
    void startDemo();
  }, [firstVisit, off, reducedMotion]);
}

/** The first minute: a network that learns before the visitor has done anything, and where to go from there. */
export default function HomeScreen() {
  useAutostart();
  return (
    <>
      <PageHeader
        title="Watch a network learn to remove noise"
        lead="Denoise Lab trains U-Net denoisers for chest X-rays in this browser: on pictures made here, or on your own. Nothing leaves this machine."
      />
      <NoGpuNotice />
      <ResumeBanner />
      <DemoPanel />
      <Title order={2} mt={40} mb={4}>
        Where to go next
      </Title>
      <Text c="dimmed" mb="md">
        A run goes on while you look around.
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }}>
        <StepCard
          href="/noise"
          icon={<IconWaveSawTool size={22} />}
          title="Play with noise"
          text="Move mean and σ, and see what they do to a picture, its histogram and its PSNR."
        />
        <StepCard
          href="/datasets"
          icon={<IconDatabase size={22} />}
          title="Bring your own X-rays"
          text="Drop a folder or an archive of PNG and JPEG files. They stay in this browser."
        />
        <StepCard
          href="/train"
          icon={<IconTransform size={22} />}
          title="Train your own way"
          text="Choose the network, the noise and the protocol: the study's, or one without its flaws."
        />
        <StepCard
          href="/denoise"
          icon={<IconSparkles size={22} />}
          title="Denoise a file"
          text="Give a picture to a trained network and compare before and after."
        />
      </SimpleGrid>
    </>
  );
}
