import { List, Stack, Text } from "@mantine/core";
import { IconShieldLock } from "@tabler/icons-react";
import { HeaderBadge } from "./HeaderBadge";

/** The permanent promise, and what makes it true. */
export function LocalBadge() {
  return (
    <HeaderBadge
      icon={<IconShieldLock size={19} stroke={1.7} color="var(--lab-good)" />}
      text="Stays on this machine"
      label="Everything stays on this machine. How is that ensured?"
    >
      <Stack gap="xs">
        <Text fw={650}>Everything stays on this machine</Text>
        <Text size="sm">
          Images, training and results live in this browser. The lab has no account and no server that
          receives anything.
        </Text>
        <List size="sm" spacing={4}>
          <List.Item>
            A Content Security Policy (<code>connect-src 'self'</code>) lets the browser refuse every request
            to another address.
          </List.Item>
          <List.Item>A test counts the external requests of a whole session: 0.</List.Item>
          <List.Item>
            Of an imported image only the grey pixels and two hashes are kept: no name, no metadata.
          </List.Item>
        </List>
      </Stack>
    </HeaderBadge>
  );
}
