import { Accordion, Group, List, Text } from "@mantine/core";
import type { SkippedFile } from "@/contracts/workers";
import { plural } from "@/ui/plural";
import { groupSkipped, reasonOf } from "./groupSkipped";

/** A list of thousands of paths would make the page slow and help nobody. */
const FILES_LISTED = 100;

/** The files an import left out, grouped by reason. */
export function SkippedFiles({ skipped }: { readonly skipped: readonly SkippedFile[] }) {
  return (
    <Accordion
      variant="contained"
      chevronPosition="left"
      styles={{ item: { background: "var(--lab-surface)", borderColor: "var(--lab-line)" } }}
    >
      {groupSkipped(skipped).map(({ code, remedy, files }) => (
        <Accordion.Item key={code} value={code}>
          <Accordion.Control>
            <Group gap="sm">
              <Text size="sm" fw={600}>
                {plural(files.length, "file")} skipped: {reasonOf(code)}
              </Text>
            </Group>
          </Accordion.Control>
          <Accordion.Panel>
            <Text size="sm" mb="xs">
              {remedy}
            </Text>
            <List size="sm" spacing={2} styles={{ item: { overflowWrap: "anywhere" } }}>
              {files.slice(0, FILES_LISTED).map(({ path, failure }) => (
                <List.Item key={path}>
                  <Text component="span" size="sm" ff="monospace">
                    {path}
                  </Text>
                  {": "}
                  {failure.message}
                </List.Item>
              ))}
            </List>
            {files.length > FILES_LISTED && (
              <Text size="sm" c="dimmed" mt="xs">
                and {plural(files.length - FILES_LISTED, "more file", "more files")}
              </Text>
            )}
          </Accordion.Panel>
        </Accordion.Item>
      ))}
    </Accordion>
  );
}
