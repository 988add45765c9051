import { useState } from "react";
import { type Failure, type Outcome, toFailure } from "@/contracts/failure";

export interface DialogAction {
  readonly busy: boolean;
  readonly failure: Failure | null;
  /** Does what the dialog is for: closes it, or keeps it open with the failure. */
  readonly act: () => void;
  /** Closes the dialog, but not in the middle of the work: its failure would be seen by nobody. */
  readonly close: () => void;
}

/** The one thing a dialog does. Without an outcome (undefined) the work cannot fail. */
export function useDialogAction(
  work: () => Promise<Outcome<void>> | undefined,
  onClose: () => void,
): DialogAction {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const run = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    try {
      const outcome = await work();
      if (outcome && !outcome.ok) setFailure(outcome.failure);
      else onClose();
    } catch (error) {
      setFailure(toFailure(error));
    } finally {
      setBusy(false);
    }
  };
  return {
    busy,
    failure,
    act: () => {
      if (!busy) void run();
    },
    close: () => {
      if (!busy) onClose();
    },
  };
}
