/**
 * An SVG that needs nothing from outside as a PNG, `scale` times its own size. Fails with an `Error` when the browser cannot
 * draw it.
 */
export async function rasterizeSvg(svg: string, scale: number): Promise<Blob> {
  const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser gives no canvas to draw the figure on.");
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("This browser could not write the figure as PNG.");
    return blob;
  } finally {
    URL.revokeObjectURL(address);
  }
}
