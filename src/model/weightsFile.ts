import { isPytorchFile, readPytorchFile } from "./pytorch/checkpoint";
import { readSafetensors, type SafetensorsContent } from "./safetensors";

/**
 * The tensors of a weight file, safetensors or PyTorch's own (`.pth`, `.pt`), told apart by how it begins; only those that
 * `wanted` names. A PyTorch file has no metadata. Fails as `readSafetensors` and `readPytorchFile` do.
 */
export function readWeightsFile(
  bytes: Uint8Array,
  wanted: (name: string) => boolean = () => true,
): SafetensorsContent {
  if (isPytorchFile(bytes)) return { tensors: readPytorchFile(bytes, wanted), metadata: {} };
  const { tensors, metadata } = readSafetensors(bytes);
  return { tensors: new Map([...tensors].filter(([name]) => wanted(name))), metadata };
}
