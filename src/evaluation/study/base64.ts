/** Bytes a call of `fromCharCode` takes: its arguments lie on the stack. */
const PART = 0x8000;

/** Base64 of bytes, in Node, windows and workers alike. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let from = 0; from < bytes.length; from += PART)
    text += String.fromCharCode(...bytes.subarray(from, from + PART));
  return btoa(text);
}
