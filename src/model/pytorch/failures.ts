import { LabError } from "@/contracts/failure";

export const corrupt = (what: string): LabError =>
  new LabError(
    "weights/corrupt",
    `The PyTorch file cannot be read: ${what}.`,
    "Save or download the weights again; the file was not changed.",
  );

export const truncated = (what: string): LabError =>
  new LabError(
    "weights/truncated",
    `The PyTorch file ends too early: ${what}.`,
    "Save or download the weights again; the file was not changed.",
  );

/** Something else than tensors in plain containers. */
export const notOnlyWeights = (what: string): LabError =>
  new LabError(
    "weights/pickle",
    `The PyTorch file holds ${what}, not just weights; nothing in it was run.`,
    "Save the weights alone: torch.save(model.state_dict(), FILE).",
  );
