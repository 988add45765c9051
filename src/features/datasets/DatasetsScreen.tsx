import { Stack, Text, Title } from "@mantine/core";

export default function DatasetsScreen() {
  return (
    <Stack gap="lg">
      <div>
        <Title order={1}>Datasets</Title>
        <Text c="dimmed">X-ray images kept in this browser, ready for training.</Text>
      </div>
    </Stack>
  );
}
