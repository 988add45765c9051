/** Notes what a library does not report itself: memory that ran out, commands refused, a device lost. */
export function watchDevice(device: GPUDevice): { throwIfFailed(): void } {
  let failure: string | null = null;
  device.addEventListener("uncapturederror", ({ error }) => {
    failure ??=
      error instanceof GPUOutOfMemoryError ? `out of memory: ${error.message}` : `refused: ${error.message}`;
  });
  void device.lost.then(({ message, reason }) => {
    // A device that was destroyed on purpose has not failed.
    if (reason !== "destroyed") failure ??= `device lost: ${message}`;
  });
  return {
    throwIfFailed: () => {
      if (failure !== null) throw new Error(failure);
    },
  };
}
