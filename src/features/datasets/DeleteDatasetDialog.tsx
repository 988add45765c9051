import type { DatasetRecord } from "@/contracts/dataset";
import { deleteDataset } from "@/state/datasets";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { formatBytes } from "@/ui/format";
import { plural } from "@/ui/plural";

export interface DeleteDatasetDialogProps {
  readonly dataset: DatasetRecord;
  readonly onClose: () => void;
}

/** Asks before a dataset's stored images are removed. */
export function DeleteDatasetDialog({ dataset, onClose }: DeleteDatasetDialogProps) {
  return (
    <ConfirmDialog
      title={`Delete “${dataset.name}”?`}
      confirm="Delete"
      refuse="Keep it"
      failed="Not deleted"
      onConfirm={() => deleteDataset(dataset.id)}
      onClose={onClose}
    >
      {plural(dataset.imageCount, "stored image")} ({formatBytes(dataset.bytes)}) will be removed from this
      browser. Your own files stay where they are. Runs trained on it keep their curves, results and weights,
      but cannot be resumed.
    </ConfirmDialog>
  );
}
