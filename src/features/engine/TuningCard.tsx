import { Accordion, Button, Card, Group, Stack, Table, Text, Title } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useEffect, useMemo, useRef, useState } from "react";
import type { TuningEntry, TuningReport } from "@/contracts/engineLab";
import { type EngineLabState, refreshTuning, resetTuning } from "@/state/engineLab";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatFixed, formatMs, formatTime } from "@/ui/format";
import { plural } from "@/ui/plural";
import classes from "./NodeTable.module.css";
import { byDevice, type DeviceTuning, gainOf } from "./tuningFacts";

/** What was tuned, here and on other devices, and the way to forget it. */
export function TuningCard({ lab }: { readonly lab: EngineLabState }) {
  const { tuning, report, tuned, job } = lab;
  const adapter = report?.adapter ?? null;
  const devices = useMemo(() => byDevice(tuning.entries, adapter), [tuning.entries, adapter]);
  const here = devices.filter((device) => device.here);
  const others = devices.filter((device) => !device.here);
  const [asking, setAsking] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const heading = useFocusWhenClosed(asking);
  return (
    <Card component="section" aria-label="Tuning">
      <Group justify="space-between" align="flex-start" mb="sm">
        <div style={{ flex: "1 1 260px" }}>
          <Title order={2} ref={heading} tabIndex={-1}>
            Tuning
          </Title>
          <Text size="sm" c="dimmed">
            Which way of computing an operation was fastest, by device and shape. Training and denoising with
            this engine use it. Stored in this browser only.
          </Text>
        </div>
        <Button
          ref={opener}
          variant="default"
          leftSection={<IconTrash size={18} />}
          disabled={tuning.entries.length === 0 || job !== null}
          onClick={() => setAsking(true)}
        >
          Reset
        </Button>
      </Group>
      <Stack gap="md">
        {tuning.failure && (
          <FailurePanel title="The stored tuning could not be read" failure={tuning.failure}>
            <Button onClick={() => void refreshTuning()}>Try again</Button>
          </FailurePanel>
        )}
        {tuning.status === "ready" && here.length === 0 && (
          <Text size="sm">
            Nothing is tuned for this device yet: every operation is computed the default way.
          </Text>
        )}
        {here.map((device) => (
          <DeviceEntries key={device.device} tuning={device} />
        ))}
        {tuned && tuned.failures.length > 0 && <FailedWays failures={tuned.failures} />}
        {others.length > 0 && (
          <Accordion variant="separated" multiple>
            {others.map((device) => (
              <Accordion.Item key={device.device} value={device.device}>
                <Accordion.Control>
                  {`Another device: ${device.device} (${plural(device.entries.length, "operation")})`}
                </Accordion.Control>
                <Accordion.Panel>
                  <DeviceEntries tuning={device} />
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        )}
      </Stack>
      {asking && (
        <ConfirmDialog
          title="Forget the tuning?"
          confirm="Reset the tuning"
          refuse="Keep it"
          failed="Not reset"
          onConfirm={resetTuning}
          onClose={() => setAsking(false)}
          opener={opener}
        >
          {`${plural(tuning.entries.length, "choice")} of ${plural(devices.length, "device")} will be forgotten, and every operation is computed the default way again. Results stay the same up to rounding; only speed changes.`}
        </ConfirmDialog>
      )}
    </Card>
  );
}

/** After a reset there is nothing to reset: the button cannot take the focus back, so that what it stands beside does. */
function useFocusWhenClosed(open: boolean) {
  const target = useRef<HTMLHeadingElement>(null);
  const before = useRef(open);
  useEffect(() => {
    const closed = before.current && !open;
    before.current = open;
    if (closed && document.activeElement === document.body) target.current?.focus({ preventScroll: true });
  }, [open]);
  return target;
}

function DeviceEntries({ tuning }: { readonly tuning: DeviceTuning }) {
  const { device, entries, changed } = tuning;
  const latestMs = Math.max(...entries.map(({ measuredAtMs }) => measuredAtMs));
  return (
    <div>
      <Text size="sm" mb="xs">
        {`${plural(entries.length, "operation")} tuned, ${changed} of them computed in another way than the default; last on ${formatTime(latestMs)}.`}
      </Text>
      <Table.ScrollContainer
        type="native"
        tabIndex={0}
        role="region"
        aria-label={`Tuned on ${device}`}
        minWidth={0}
        maxHeight={360}
      >
        <table className={classes["table"]} data-sticky="">
          <thead>
            <tr>
              <th scope="col">Operation and shape</th>
              <th scope="col" data-number="">
                Gain
              </th>
              <th scope="col">Fastest way</th>
              <th scope="col" data-number="">
                Time
              </th>
              <th scope="col">Default way</th>
              <th scope="col" data-number="">
                Time
              </th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={entry.kernel}>
                <th scope="row">{entry.kernel}</th>
                <td data-number="">{gainText(entry)}</td>
                <td>{entry.variant}</td>
                <td data-number="">{formatMs(entry.ms)}</td>
                <td>{entry.defaultVariant}</td>
                <td data-number="">{formatMs(entry.defaultMs)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Table.ScrollContainer>
    </div>
  );
}

const gainText = (entry: TuningEntry): string =>
  entry.variant === entry.defaultVariant ? "–" : `× ${formatFixed(gainOf(entry), 2)}`;

function FailedWays({ failures }: { readonly failures: TuningReport["failures"] }) {
  return (
    <Accordion variant="separated">
      <Accordion.Item value="failed">
        <Accordion.Control>
          {`${plural(failures.length, "way", "ways")} of computing failed on this device and ${failures.length === 1 ? "was" : "were"} left out`}
        </Accordion.Control>
        <Accordion.Panel>
          <Stack gap="sm">
            {failures.map(({ kernel, variant, failure }) => (
              <FailurePanel key={`${kernel} ${variant}`} title={`${kernel}, ${variant}`} failure={failure} />
            ))}
          </Stack>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
