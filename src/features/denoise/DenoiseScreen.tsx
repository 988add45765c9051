import { Stack, Text, Title } from "@mantine/core";

export default function DenoiseScreen() {
  return (
    <Stack gap="lg">
      <div>
        <Title order={1}>Denoise</Title>
        <Text c="dimmed">Clean your own images with a trained model, on this machine.</Text>
      </div>
    </Stack>
  );
}
