import { Accordion, List, Text } from "@mantine/core";

/** What the numbers mean and what they do not; folded away. */
export function HowToRead() {
  return (
    <Accordion variant="separated">
      <Accordion.Item value="how">
        <Accordion.Control>How to read this</Accordion.Control>
        <Accordion.Panel>
          <List size="sm" spacing={6}>
            <List.Item>
              A <strong>dispatch</strong> is one launch of one kernel on the device. The plan fuses what it
              can, so one dispatch often stands for several operations of the network.
            </List.Item>
            <List.Item>
              <strong>FLOP</strong> counts useful arithmetic, a multiply and an add as two.{" "}
              <strong>GFLOP/s</strong> is that over the time on the device. Next to the best matrix product
              measured on the same device it says how much of the hardware is used.
            </List.Item>
            <List.Item>
              <strong>MB</strong> is the least traffic: every input read once, every output written once. A
              kernel with few FLOP a byte (BatchNorm, pooling) is limited by memory: look at its GB/s instead.
            </List.Item>
            <List.Item>
              Each dispatch is timed in a pass of its own; the <strong>step</strong> is timed by the clock, in
              one piece, with upload and update. So the two do not add up exactly.
            </List.Item>
            <List.Item>
              Shapes read <code>channels in→out height×width×images</code>; the <strong>way</strong> beside
              them is how the operation is computed, where the engine has several ways.
            </List.Item>
          </List>
          <Text size="sm" c="dimmed" mt="sm">
            Times are medians of a few rounds on synthetic input, on this machine and in this browser.
          </Text>
        </Accordion.Panel>
      </Accordion.Item>
    </Accordion>
  );
}
