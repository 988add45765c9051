/**
 * The boundary between kernels and the rest of the engine. A kernel is built by a pure function from a spec: no device,
 * no state, the same spec gives the same text. Conventions that every builder relies on:
 *
 * - **Features** and their gradients are NC4HW4: four channels an element, index `((n·C4 + c4)·H + y)·W + x` with C4 = C/4.
 *   Channel counts are padded to multiples of 4 when the plan is made; padded channels hold zeros. An element is four floats or
 *   four halves (`Extent.storage`); `featureAccess` in `access.ts` has the WGSL that reads and writes either. The network's
 *   input and the gradient of its output alone are `array<f32>` [N, H, W].
 * - **Arithmetic** is float32 whatever is stored. What is not a feature (weights, partial sums, normalisations) is float32 too.
 * - **Weights** and their gradients are HWIO: index `(tap·Ci + ci)·Co + co`, tap = ky·k + kx, Ci over all concatenated
 *   sources; seen as `array<vec4f>` over co. The bias [Co] is a tensor of its own.
 * - **Normalisation** of a feature: `array<vec4f>` with 4·C4 entries: scale [C4], shift [C4], mean [C4], 1/σ [C4].
 *   A source with `norm` is read as z·scale + shift, then `relu` as max(0, ·); outside of the image a source is 0.
 * - Every binding lies in group 0 at its index in `bindings`; a kernel declares what the lists below say, in that order.
 * - What should be uniform comes from `workgroup_id`: software adapters load through it once a workgroup instead of once a lane.
 * - Nothing depends on the order of threads: no atomics, so that two runs give the same bits.
 */

/** How a kernel uses a binding. `read` and `readWrite` never meet on one buffer: each live tensor has a buffer of its own. */
export type Access = "read" | "readWrite" | "uniform";

export interface Binding {
  /** What it is, for labels and errors: `source0`, `weights`, … */
  readonly name: string;
  readonly access: Access;
  /** WGSL type of its elements; words (`u32`, `vec2u`) hold packed halves. */
  readonly element: string;
}

export interface Kernel {
  /** Operation and what sets it apart: `convForward 16→32 64×64×4 f16`. The tuner's key of the problem. */
  readonly label: string;
  /** Which of several ways to compute it this is: `tile 16×8×64`; absent where there is one. */
  readonly variant?: string;
  /** All ways that can run on the target, the default first; absent where there is one. */
  readonly alternatives?: readonly Variant[];
  /** Its binding `packed` is not what callers bind there: it is what this makes of their `weights`. */
  readonly prelude?: Prelude;
  /** A module with the entry point `main`. */
  readonly wgsl: string;
  readonly bindings: readonly Binding[];
  /** Integers of a uniform binding behind `bindings`: sizes that do not go into the text, so that layers share a pipeline. */
  readonly constants?: Int32Array<ArrayBuffer>;
  /** Its text reads the first workgroup of a dispatch from a uniform behind all others (`sliceable`). */
  readonly sliced?: true;
  readonly workgroups: readonly [number, number, number];
  /** Useful arithmetic, multiply and add counted as two. */
  readonly flops: number;
  /** Least traffic: every input read once and every output written once. */
  readonly bytes: number;
}

/**
 * A kernel that runs before another one to bring the weights into the order that it takes them in. Bindings: weights (read),
 * packed (readWrite, `bytes` long).
 */
export interface Prelude {
  readonly kernel: Kernel;
  readonly bytes: number;
}

/** One way to compute an operation. */
export interface Variant<Result extends Kernel = Kernel> {
  /** Family and tile: `lane 4×16`. Unique among the alternatives of a kernel; what the tuner stores. */
  readonly name: string;
  readonly build: () => Result;
}

/** How features are stored: 16-bit floats halve memory and traffic in mixed precision. */
export type Storage = "f32" | "f16";

/** What builders may know about the device. */
export interface Target {
  /** An adapter that runs on the processor: register tiles and uniform loads pay, workgroup memory does not. */
  readonly software: boolean;
  /** Lanes of a subgroup where the device offers subgroups, all of one size; null otherwise. */
  readonly subgroupSize: number | null;
  /** The device has 16-bit floats in WGSL (`shader-f16`); without them halves are unpacked from 32-bit words. */
  readonly shaderF16: boolean;
  /** Matrix units of subgroups that gave the right product when the device was opened, the driver's favourite first. */
  readonly subgroupMatrices: readonly SubgroupMatrix[];
  /** The tuner's choices: name of the variant by label of the kernel. What is absent gets the default. */
  readonly tuning: ReadonlyMap<string, string>;
  readonly maxInvocationsPerWorkgroup: number;
  readonly maxWorkgroupBytes: number;
  readonly maxWorkgroupsPerDimension: number;
}

/** A shape that a subgroup's matrix unit multiplies: [m, k] · [k, n] + [m, n]. */
export interface SubgroupMatrix {
  readonly component: "f16" | "f32";
  readonly result: "f16" | "f32";
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Lanes of the widest subgroup: a workgroup has as many for each of its subgroups. Subgroups may come out narrower. */
  readonly lanes: number;
}

/** A feature as a consumer reads it. */
export interface SourceSpec {
  /** Padded channels, a multiple of 4; 1 for the network's input. */
  readonly channels: number;
  /** Place of its normalisation in the kernel's `norms` binding, in vec4f; null when it has none. */
  readonly normOffset: number | null;
  readonly relu: boolean;
}

/** Size of a batch of features, and how they are stored. */
export interface Extent {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly storage: Storage;
}

/**
 * Convolution 3×3, stride 1, zero padding 1, over concatenated sources, with bias and, where asked, ReLU.
 * Bindings: weights (vec4f, read), bias (vec4f, read), [norms (vec4f, read), if any source has one], source0 … (features; f32
 * for the input, read), output (feature, readWrite; written whole).
 */
export interface ConvForwardSpec extends Extent {
  readonly sources: readonly SourceSpec[];
  readonly outChannels: number;
  readonly relu: boolean;
}

/**
 * ∂source of a 3×3 convolution, for one source: channels [firstChannel, firstChannel + channels) of Ci = `inChannels`.
 * out[p, ci] = Σ_tap Σ_co gradient[p − offset(tap), co] · weight[tap, ci, co]; then times (mask > 0) where `mask`; written
 * or, where `accumulate`, added to the output.
 * Bindings: weights (vec4f over co, read), gradient (feature, read), [mask (feature, read)], output (feature, readWrite).
 */
export interface ConvDgradSpec extends Extent {
  readonly inChannels: number;
  readonly firstChannel: number;
  readonly channels: number;
  readonly outChannels: number;
  /** The stored post-ReLU value of the source is bound, and the gradient passes where it is positive. */
  readonly mask: boolean;
  readonly accumulate: boolean;
}

/**
 * ∂weight of a 3×3 convolution for one source (padded channels Cs), in `splits` partial sums over disjoint sets of pixels:
 * partial[split][tap][ci][co] = Σ_p source[p + offset(tap), ci] · gradient[p, co] (9·Cs·Co floats a split), followed, where
 * `bias`, by [Co] sums of the gradient. A second pass adds the splits in order.
 * Bindings: [norms (vec4f, read)], source (feature; f32 for the input, read), gradient (feature, read), partials (vec4f, readWrite;
 * written whole).
 */
export interface ConvWgradSpec extends Extent {
  readonly source: SourceSpec;
  readonly outChannels: number;
  readonly bias: boolean;
}

/** A kernel that leaves partial sums: `splits` copies of `partialFloats` numbers. */
export interface PartialKernel extends Kernel {
  readonly splits: number;
  readonly partialFloats: number;
}

export type Build<Spec, Result extends Kernel = Kernel> = (spec: Spec, target: Target) => Result;
