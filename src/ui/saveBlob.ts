/** The download has its own hold on the blob soon after the click; a minute is plenty. */
const KEEP_MS = 60_000;

/** Offers a blob as a download. */
export function saveBlob(blob: Blob, fileName: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEEP_MS);
}
