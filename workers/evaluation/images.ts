import type { ImageReader } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import type { NoisePreviewRequest } from "@/contracts/workers";
import { renderPhantom } from "@/imaging/phantom";
import { openImageReader } from "@/storage/datasets";

export interface SourceImage {
  readonly size: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Reads single images; the reader of the data set used last stays open, because sliders ask for the same image again. */
export class ImageSource {
  private opened: { readonly id: string; readonly reader: Promise<ImageReader> } | null = null;
  private rendered: { readonly key: string; readonly image: SourceImage } | null = null;

  async read(source: NoisePreviewRequest["source"]): Promise<SourceImage> {
    return source.kind === "phantom" ? this.phantom(source) : this.stored(source);
  }

  private phantom(source: { seed: number; index: number; size: number }): SourceImage {
    const { seed, index, size } = source;
    const key = `${seed} ${index} ${size}`;
    if (this.rendered?.key !== key)
      this.rendered = { key, image: { size, pixels: renderPhantom(size, seed, index) } };
    return this.rendered.image;
  }

  private async stored({ datasetId, index }: { datasetId: string; index: number }): Promise<SourceImage> {
    let reader = await this.reader(datasetId);
    if (index >= reader.count) {
      // The import may have gone on since.
      this.opened = null;
      reader = await this.reader(datasetId);
    }
    if (index >= reader.count)
      throw new LabError(
        "data/index",
        `There is no image ${index} in a data set of ${reader.count}.`,
        "Choose an earlier image.",
      );
    return { size: reader.size, pixels: await reader.read([index]) };
  }

  private reader(id: string): Promise<ImageReader> {
    if (this.opened?.id !== id) this.opened = { id, reader: openImageReader(id) };
    const opened = this.opened;
    return opened.reader.catch((error: unknown) => {
      if (this.opened === opened) this.opened = null;
      throw error;
    });
  }
}
