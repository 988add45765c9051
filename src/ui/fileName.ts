/** A name every common file system takes: characters that some refuse become "-". */
export function safeFileName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must go
  const safe = name.replace(/[\u0000-\u001f<>:"/\\|?*]+/g, "-").replace(/^[.\s]+|[.\s]+$/g, "");
  return safe === "" ? "file" : safe;
}
