import { Button, Group, Modal, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { continueTraining, pauseTraining, stopTraining, useTraining } from "@/state/training";
import { isLive } from "@/state/trainingReducer";

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
      <Modal opened={confirming} onClose={confirm.close} title="End this run?" centered>
        <Stack>
          <Text>
            The best weights so far are kept, tested, and can denoise. The run can be resumed later from where
            it stopped.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={confirm.close} data-autofocus>
              Keep training
            </Button>
            <Button
              color="red"
              onClick={() => {
                confirm.close();
                stopTraining();
              }}
            >
              Stop the run
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
