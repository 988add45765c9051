import { Skeleton, Stack, VisuallyHidden } from "@mantine/core";

/** Stands in for a screen while its code or data arrives. */
export function LoadingScreen() {
  return (
    <Stack gap="lg" role="status">
      <VisuallyHidden>Loading</VisuallyHidden>
      <Skeleton height={34} width={220} />
      <Skeleton height={160} />
      <Skeleton height={240} />
    </Stack>
  );
}
