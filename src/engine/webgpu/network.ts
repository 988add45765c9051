import { bytesOf } from "./kernels/access";
import type { Extent, SourceSpec, Storage } from "./kernels/kernel";
import { type Layout, type PlacedNorm, type PlacedParameter, paddedChannels } from "./layout";
import type { Feature, FeatureId, Lowered } from "./lower";
import type { BindingTarget } from "./plan";

export type TensorTarget = BindingTarget & { readonly kind: "tensor" };

/** A lowered network with its layout at one number of images: what both plans ask for specs and bindings. */
export class Network {
  readonly lowered: Lowered;
  readonly layout: Layout;
  readonly images: number;
  readonly storage: Storage;

  constructor(lowered: Lowered, layout: Layout, images: number, storage: Storage) {
    this.lowered = lowered;
    this.layout = layout;
    this.images = images;
    this.storage = storage;
  }

  feature(id: FeatureId): Feature {
    return this.lowered.features[id] as Feature;
  }

  channels(id: FeatureId): number {
    return paddedChannels(this.feature(id), this.lowered.input);
  }

  extent(id: FeatureId): Extent {
    const { height, width } = this.feature(id);
    return { images: this.images, height, width, storage: this.storage };
  }

  /** Bytes of the stored feature; the input is float32. */
  bytes(id: FeatureId): number {
    const { height, width } = this.feature(id);
    const bytes = id === this.lowered.input ? 4 : bytesOf(this.storage);
    return bytes * this.channels(id) * this.images * height * width;
  }

  norm(name: string): PlacedNorm {
    return this.layout.norms.get(name) as PlacedNorm;
  }

  /** How a kernel reads these features, and the range of the normalisations that it binds (none: []). */
  sources(ids: readonly FeatureId[]): {
    readonly specs: readonly SourceSpec[];
    readonly norms: readonly BindingTarget[];
  } {
    const placed = ids.map((id) => {
      const { norm } = this.feature(id);
      return norm === null ? null : this.norm(norm);
    });
    const present = placed.filter((norm) => norm !== null);
    const begin = Math.min(...present.map(({ normOffset }) => normOffset));
    const end = Math.max(...present.map(({ normOffset, padded }) => normOffset + 4 * padded));
    return {
      specs: ids.map((id, index) => {
        const norm = placed[index];
        return {
          channels: this.channels(id),
          normOffset: norm ? (norm.normOffset - begin) / 4 : null,
          relu: this.feature(id).relu,
        };
      }),
      norms: present.length === 0 ? [] : [range("norms", begin, end - begin)],
    };
  }

  parameter(name: string): BindingTarget {
    return this.range("parameters", name);
  }

  gradient(name: string): BindingTarget {
    return this.range("gradients", name);
  }

  normOf(name: string): BindingTarget {
    const { normOffset, padded } = this.norm(name);
    return range("norms", normOffset, 4 * padded);
  }

  running(name: string): BindingTarget {
    const { runningOffset, padded } = this.norm(name);
    return range("running", runningOffset, 2 * padded);
  }

  private range(buffer: "parameters" | "gradients", name: string): BindingTarget {
    const { offset, floats } = this.layout.parameters.get(name) as PlacedParameter;
    return range(buffer, offset, floats);
  }
}

function range(
  name: (BindingTarget & { kind: "permanent" })["name"],
  offset: number,
  floats: number,
): BindingTarget {
  return { kind: "permanent", name, offset: 4 * offset, bytes: 4 * floats };
}
