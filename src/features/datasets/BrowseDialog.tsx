import { Center, Group, Loader, Pagination, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { DatasetRecord } from "@/contracts/dataset";
import { useImagePage } from "@/state/datasetImages";
import { Dialog } from "@/ui/Dialog";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatCount } from "@/ui/format";
import { GreyCanvas } from "@/ui/GreyCanvas";
import classes from "./BrowseDialog.module.css";

const PAGE_IMAGES = 48;

/** All images of a dataset, page by page; only the page shown is read. */
export function BrowseDialog({
  dataset,
  onClose,
}: {
  readonly dataset: DatasetRecord;
  readonly onClose: () => void;
}) {
  const [number, setNumber] = useState(1);
  const { page, failure } = useImagePage(dataset, (number - 1) * PAGE_IMAGES, PAGE_IMAGES);
  const pages = Math.max(1, Math.ceil(dataset.imageCount / PAGE_IMAGES));
  return (
    <Dialog onClose={onClose} title={dataset.name} size="min(1180px, 100%)">
      <Stack gap="md">
        {failure && <FailurePanel title="The images could not be read" failure={failure} />}
        {!page && !failure && (
          <Center py={80}>
            <Loader aria-label="Reading images" />
          </Center>
        )}
        {page && (
          <div className={classes["grid"]}>
            {page.images.map(({ index, pixels }) => (
              <figure key={index} className={classes["item"]}>
                <GreyCanvas
                  width={page.size}
                  height={page.size}
                  data={pixels}
                  label={`Image ${index + 1} of ${dataset.name}`}
                />
                <figcaption>{formatCount(index + 1)}</figcaption>
              </figure>
            ))}
          </div>
        )}
        <Group justify="space-between" gap="sm">
          <Text size="sm" c="dimmed">
            {page && page.images.length > 0
              ? `${formatCount(page.first + 1)}–${formatCount(page.first + page.images.length)} of ${formatCount(dataset.imageCount)}`
              : `${formatCount(dataset.imageCount)} images`}
            {dataset.kind === "phantom" && ", synthetic"}
          </Text>
          {pages > 1 && (
            <Pagination
              total={pages}
              value={number}
              onChange={setNumber}
              size="sm"
              siblings={1}
              getControlProps={(control) => ({ "aria-label": `${control} page` })}
              getItemProps={(item) => ({ "aria-label": `Page ${item}` })}
            />
          )}
        </Group>
      </Stack>
    </Dialog>
  );
}
