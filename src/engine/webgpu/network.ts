import { bytesOf } from "./kernels/access";
import type { Extent, SourceSpec, Storage } from "./kernels/kernel";
import { type Layout, type PlacedNorm, type PlacedParameter, paddedChannels } from "./layout";
import type { Feature, FeatureId, Lowered } from "./lower";
import { outOfMemory } from "./memory";
import type { BindingTarget, PlanBuilder } from "./plan";

export type TensorTarget = BindingTarget & { readonly kind: "tensor" };

/** A feature's tensors, one a part. */
export type PartTensors = readonly TensorTarget[];

/**
 * A lowered network with its layout at one number of images: what both plans ask for specs and bindings. Where a feature of all
 * images is larger than a buffer may be, every feature is kept in parts of a few images, and every kernel runs once a part.
 * Sums over the batch (statistics, losses, weight gradients) go over all parts, so that nothing but their order changes.
 */
export class Network {
  readonly lowered: Lowered;
  readonly layout: Layout;
  readonly images: number;
  readonly storage: Storage;
  /** Images of each part; only the last may have fewer than the first. */
  readonly parts: readonly number[];

  /** Throws `engine/out-of-memory` where a feature of one image is over `maxBufferBytes`. */
  constructor(
    lowered: Lowered,
    layout: Layout,
    images: number,
    storage: Storage,
    maxBufferBytes = Number.POSITIVE_INFINITY,
  ) {
    this.lowered = lowered;
    this.layout = layout;
    this.images = images;
    this.storage = storage;
    const imageBytes = Math.max(...lowered.features.map(({ id }) => this.bytes(id, 1)));
    if (imageBytes > maxBufferBytes)
      throw outOfMemory(
        `a layer of one image needs ${imageBytes} bytes, a buffer of this device has at most ${maxBufferBytes}`,
      );
    const count = Math.ceil(images / Math.min(images, Math.floor(maxBufferBytes / imageBytes)));
    const most = Math.ceil(images / count);
    this.parts = Array.from({ length: Math.ceil(images / most) }, (_, part) =>
      Math.min(most, images - part * most),
    );
  }

  feature(id: FeatureId): Feature {
    return this.lowered.features[id] as Feature;
  }

  channels(id: FeatureId): number {
    return paddedChannels(this.feature(id), this.lowered.input);
  }

  /** Size of the feature of `images` images. */
  extent(id: FeatureId, images: number): Extent {
    const { height, width } = this.feature(id);
    return { images, height, width, storage: this.storage };
  }

  /** Bytes of the stored feature of `images` images; the input is float32. */
  bytes(id: FeatureId, images: number): number {
    const { height, width } = this.feature(id);
    const bytes = id === this.lowered.input ? 4 : bytesOf(this.storage);
    return bytes * this.channels(id) * images * height * width;
  }

  /** New tensors for a feature or its gradient. */
  tensors(builder: PlanBuilder, id: FeatureId, label: string, uploaded = false): PartTensors {
    return this.parts.map((images) => builder.tensor(label, this.bytes(id, images), uploaded));
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

  /** Where its statistics are exchanged with other replicas. */
  statistics(name: string): BindingTarget {
    const { runningOffset, padded } = this.norm(name);
    return range("statistics", runningOffset, 2 * padded);
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
