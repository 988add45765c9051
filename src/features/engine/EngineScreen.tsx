import { Button, Stack } from "@mantine/core";
import { IconCpuOff } from "@tabler/icons-react";
import { Link } from "wouter";
import { type GpuState, useGpu } from "@/state/adapter";
import { planAgain, useEngineLab } from "@/state/engineLab";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { HowToRead } from "./HowToRead";
import { MachineCard } from "./MachineCard";
import { PlanCard } from "./PlanCard";
import { PlanView } from "./PlanView";
import { TuningCard } from "./TuningCard";
import { usePlanDraft } from "./usePlanDraft";

const LEAD =
  "What the lab's own WebGPU engine does in one step, dispatch by dispatch: time, arithmetic and traffic on this machine.";

/** The engine from the inside: what it runs on, what it plans, what that takes, and how it was tuned. */
export default function EngineScreen() {
  const gpu = useGpu();
  return (
    <>
      <PageHeader title="Engine" lead={LEAD} />
      <Content gpu={gpu} />
    </>
  );
}

function Content({ gpu }: { readonly gpu: GpuState }) {
  switch (gpu.status) {
    case "looking":
      return <LoadingScreen />;
    case "none":
      return <NoGpu reason={gpu.reason} />;
    case "gpu":
    case "software":
      return <Lab gpu={gpu} />;
    default:
      return gpu satisfies never;
  }
}

function NoGpu({ reason }: { readonly reason: string }) {
  return (
    <EmptyPanel
      icon={<IconCpuOff size={28} />}
      title="This engine needs WebGPU"
      text={`${reason} Open the lab in a current Chrome, Edge or Safari with hardware acceleration switched on, over https or from localhost. Until then the lab computes with WebAssembly: everything else works all the same.`}
    >
      <Button component={Link} href="/train">
        Train with WebAssembly
      </Button>
    </EmptyPanel>
  );
}

function Lab({ gpu }: { readonly gpu: Extract<GpuState, { status: "gpu" | "software" }> }) {
  const form = usePlanDraft();
  const lab = useEngineLab();
  const { report, failure } = lab;
  return (
    <Stack gap="lg">
      <MachineCard gpu={gpu} adapter={report?.adapter ?? null} />
      {form.refused && <FailurePanel title="The choice in the address was not read" failure={form.refused} />}
      <PlanCard form={form} lab={lab} />
      {failure && (
        <FailurePanel title={FAILED[failure.during]} failure={failure.failure}>
          {failure.during === "plan" && <Button onClick={() => void planAgain()}>Try again</Button>}
        </FailurePanel>
      )}
      {report ? (
        <PlanView report={report} stale={lab.planning} />
      ) : (
        failure === null && form.valid && <LoadingScreen />
      )}
      <TuningCard lab={lab} />
      <HowToRead />
    </Stack>
  );
}

const FAILED = {
  plan: "There is no plan for this choice",
  measure: "The plan was not measured",
  tune: "Tuning has ended early",
} as const;
