import { Button, Group, Tooltip } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { continueTraining, pauseTraining, stopTraining, useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";
import { ConfirmDialog } from "@/ui/ConfirmDialog";

/** Pause or continue (Alt+P), and stop (Alt+S). */
export function RunControls({ confirmStop }: { readonly confirmStop: boolean }) {
  const phase = useTraining((state) => state.phase);
  const asked = useTraining((state) => state.asked);
  const [confirming, confirm] = useDisclosure(false);
  const paused = phase === "paused";
  const working = phase === "training" || phase === "validating";
  const stoppable = isLive(phase);
  const toggle = paused ? continueTraining : pauseTraining;
  const stop = confirmStop && phase !== "testing" ? confirm.open : stopTraining;
  useHotkeys([
    [
      "alt+P",
      () => {
        if ((working || paused) && asked === null) toggle();
      },
    ],
    [
      "alt+S",
      () => {
        if (stoppable && asked === null) stop();
      },
    ],
  ]);
  return (
    <>
      <Group gap="sm">
        <Tooltip label="Finishes the step, writes a checkpoint and waits (Alt+P)">
          <Button
            leftSection={paused ? <IconPlayerPlay size={18} /> : <IconPlayerPause size={18} />}
            variant={paused ? "filled" : "default"}
            disabled={!(working || paused) || asked !== null}
            onClick={toggle}
          >
            {paused ? "Continue" : "Pause"}
          </Button>
        </Tooltip>
        <Tooltip label="Finishes the step, keeps the weights, tests them and ends the run (Alt+S)">
          <Button
            leftSection={<IconPlayerStop size={18} />}
            variant="default"
            disabled={!stoppable || asked !== null}
            onClick={stop}
          >
            {phase === "testing" ? "Skip the rest of the test" : "Stop"}
          </Button>
        </Tooltip>
      </Group>
      {confirming && (
        <ConfirmDialog
          title="End this run?"
          confirm="Stop the run"
          refuse="Keep training"
          failed="Not stopped"
          onConfirm={() => {
            stopTraining();
            return undefined;
          }}
          onClose={confirm.close}
        >
          The best weights so far are kept, tested, and can denoise. The run can be resumed later from where
          it stopped.
        </ConfirmDialog>
      )}
    </>
  );
}
