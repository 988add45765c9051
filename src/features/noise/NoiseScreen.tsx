import { Stack, Text, Title } from "@mantine/core";

export default function NoiseScreen() {
  return (
    <Stack gap="lg">
      <div>
        <Title order={1}>Noise</Title>
        <Text c="dimmed">See what Gaussian noise does to a chest X-ray, and what a denoiser gets back.</Text>
      </div>
    </Stack>
  );
}
