import type { ImageReader } from "@/contracts/dataset";
import { trainingCommand } from "@/contracts/pytorch";
import type { RunConfig } from "@/contracts/runConfig";
import type { StateDict } from "@/contracts/tensors";
import type { ModelDescription } from "@/contracts/workers";
import { encodeNpy } from "@/imaging/npy";
import { writeSafetensors } from "@/model/safetensors";
import type { RunFile } from "./runFiles";

/** Version of `manifest.json`; `pytorch/bundle.py` reads the same one. */
export const MANIFEST_SCHEMA_VERSION = 1;

/** Grey values in one file of images: few files, and none that a browser could not hold. */
const SHARD_BYTES = 16 * 1024 * 1024;

export interface PytorchBundle {
  /** What the run is called. */
  readonly name: string;
  readonly config: RunConfig;
  /** At the size of the run; image 0 … `contentHashes.length − 1` are used. */
  readonly reader: ImageReader;
  /** Content hash of each image used, by index. */
  readonly contentHashes: readonly string[];
  /** Dataset indices of each part; together every image used. */
  readonly split: {
    readonly train: Uint32Array;
    readonly validation: Uint32Array;
    readonly test: Uint32Array;
  };
  readonly dataset: { readonly patients: number; readonly synthetic: boolean; readonly fingerprint: string };
  readonly model: ModelDescription;
  readonly initialWeights: StateDict;
  /** Commit the app was built from. */
  readonly commit: string;
  /** The scripts that train it, by their path in the bundle. */
  readonly scripts: ReadonlyMap<string, string>;
}

/** Where an image's pixels are: row `row` of a `.npy` of u8 [count, size, size]. */
interface ManifestImage {
  readonly file: string;
  readonly row: number;
  readonly part: "train" | "validation" | "test";
  /** Salted hash; equal for images of one patient. */
  readonly patient: string;
  readonly contentHash: string;
}

const encodeText = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/**
 * Everything that `pytorch/train.py` needs to train the run as the lab would: config, images as stored with their split,
 * initial weights, the scripts, and how to start them. One file at a time; `onImages` hears how many images are through.
 */
export async function* pytorchBundleFiles(
  bundle: PytorchBundle,
  onImages: (done: number) => void,
): AsyncGenerator<RunFile> {
  const { name, config, dataset, model, commit, contentHashes, reader } = bundle;
  const { size } = config.data;
  const perShard = Math.max(1, Math.floor(SHARD_BYTES / size ** 2));
  const manifest = {
    schemaVersion: MANIFEST_SCHEMA_VERSION,
    name,
    commit,
    model,
    dataset,
    images: manifestImages(bundle, perShard),
  };
  yield { path: "README.txt", bytes: encodeText(readme(bundle)) };
  yield { path: "config.json", bytes: encodeText(`${JSON.stringify(config, null, 2)}\n`) };
  yield { path: "manifest.json", bytes: encodeText(`${JSON.stringify(manifest)}\n`) };
  for (const [path, text] of bundle.scripts) yield { path, bytes: encodeText(text) };
  const metadata = { format: "pt", weights: "initial", run: name, config: JSON.stringify(config) };
  yield { path: "initial.safetensors", bytes: writeSafetensors(bundle.initialWeights, metadata) };
  for (let first = 0; first < contentHashes.length; first += perShard) {
    const count = Math.min(perShard, contentHashes.length - first);
    const pixels = await reader.read(Array.from({ length: count }, (_, i) => first + i));
    yield { path: shardPath(first / perShard), bytes: encodeNpy(pixels, [count, size, size]) };
    onImages(first + count);
  }
}

const shardPath = (shard: number): string => `images/${String(shard).padStart(4, "0")}.npy`;

function manifestImages(
  { split, reader, contentHashes }: PytorchBundle,
  perShard: number,
): readonly ManifestImage[] {
  const parts = new Map<number, ManifestImage["part"]>();
  for (const part of ["train", "validation", "test"] as const)
    for (const index of split[part]) parts.set(index, part);
  return contentHashes.map((contentHash, index) => ({
    file: shardPath(Math.floor(index / perShard)),
    row: index % perShard,
    part: parts.get(index) as ManifestImage["part"],
    patient: reader.patientKeys[index] ?? "",
    contentHash,
  }));
}

function readme({ name, config, contentHashes, split, dataset }: PytorchBundle): string {
  const { training, engine, data } = config;
  const what = dataset.synthetic ? "synthetic phantoms" : "images";
  return `${name}: a run of Denoise Lab, to be trained on PyTorch

Needs Python 3.9 or later with PyTorch (1.13 or later) and numpy. In this folder:

    ${trainingCommand(config)}

It uses every GPU it is given a process for, and the processor where there is none. The result goes to the folder \`result\`;
\`--out DIR\` names another. Drop that folder on the lab's screen Runs to have the run there, with its weights for denoising.

On all GPUs of this machine:

    torchrun --standalone --nproc_per_node=gpu pytorch/train.py --bundle .

On M machines with N GPUs each, the bundle in the same place on all of them; on each one:

    torchrun --nnodes=M --nproc_per_node=N --rdzv_backend=c10d --rdzv_endpoint=FIRST_MACHINE:29500 pytorch/train.py --bundle .

The batch size (${training.batchSize}) counts for each process: N processes take steps of N times as many images, and fewer of them.

What is in here
  config.json           the run's settings: ${training.epochs} epochs, ${engine.precision === "mixed" ? "mixed precision" : "32-bit floats"}, seed ${config.seed}
  manifest.json         ${contentHashes.length} ${what} in their order: ${split.train.length} training, ${split.validation.length} validation, ${split.test.length} test
  images/               their grey levels as the lab holds them, ${data.size} x ${data.size}, 8 bits (numpy arrays)
  initial.safetensors   the weights before the first step
  pytorch/              the scripts; src/ holds the table that their noise is drawn from

Patients appear as salted hashes, files without their names. The pixels are as they were: treat this folder like the images
themselves. For study, not for diagnosis.
`;
}
