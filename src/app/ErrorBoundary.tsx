import { Button, Code, Group, Stack, Text, Title } from "@mantine/core";
import { IconReload } from "@tabler/icons-react";
import { Component, type ReactNode } from "react";
import { toFailure } from "@/contracts/failure";

interface Props {
  readonly children: ReactNode;
  /** Changing it (the address, say) tries the children again. */
  readonly resetKey?: string;
}

/** Shows a calm page instead of a blank one when a screen throws; training goes on in its worker meanwhile. */
export class ErrorBoundary extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override componentDidUpdate(previous: Props): void {
    if (previous.resetKey !== this.props.resetKey && this.state.error !== null)
      this.setState({ error: null });
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children;
    const failure = toFailure(this.state.error);
    return (
      <Stack gap="md" maw={560} mx="auto" py={64} px="md" role="alert">
        <Title order={1}>This screen has stopped</Title>
        <Text>
          Something in the page went wrong. Your images, runs and models are stored safely, and a run in
          progress goes on until you reload.
        </Text>
        <Code block>{`${failure.code}: ${failure.message}`}</Code>
        <Group>
          <Button leftSection={<IconReload size={18} />} onClick={() => window.location.reload()}>
            Reload the page
          </Button>
          <Button variant="default" component="a" href="/">
            Go to the start
          </Button>
        </Group>
      </Stack>
    );
  }
}
