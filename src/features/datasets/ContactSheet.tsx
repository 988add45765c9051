import { Skeleton } from "@mantine/core";
import type { DatasetRecord } from "@/contracts/dataset";
import { useImagePage } from "@/state/datasetImages";
import { GreyCanvas } from "@/ui/GreyCanvas";
import classes from "./ContactSheet.module.css";

const THUMBNAILS = 12;

/** The first twelve images of a dataset. */
export function ContactSheet({ dataset }: { readonly dataset: DatasetRecord }) {
  const { page, failure } = useImagePage(dataset, 0, THUMBNAILS);
  if (failure) return <div className={classes["empty"]}>{failure.message}</div>;
  if (page?.images.length === 0) return <div className={classes["empty"]}>No image stored yet</div>;
  return (
    <div className={classes["sheet"]}>
      {page
        ? page.images.map(({ index, pixels }) => (
            <GreyCanvas
              key={index}
              width={page.size}
              height={page.size}
              data={pixels}
              label={`Image ${index + 1} of ${dataset.name}`}
            />
          ))
        : Array.from({ length: THUMBNAILS }, (_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: placeholders are all alike.
            <Skeleton key={i} radius={0} className={classes["place"]} />
          ))}
    </div>
  );
}
