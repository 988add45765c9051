import type { DatasetRecord } from "@/contracts/dataset";

/** The training screen with this dataset filled in. */
export function trainAddress({ id, size }: Pick<DatasetRecord, "id" | "size">): string {
  return `/train?${new URLSearchParams({ "data.source": `dataset:${id}`, "data.size": String(size) })}`;
}
