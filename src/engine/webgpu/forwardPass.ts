import type { InferencePlan } from "./inferencePlan";
import type { DeviceMemory } from "./memory";
import type { PreparedPrograms, Ready } from "./preparedPrograms";
import type { DispatchTime } from "./program";
import { readFloats } from "./readback";
import { placesOf } from "./trainingPasses";

/** Images that a forward pass takes at once, and the pixels that they may have together. */
const IMAGES = 16;
const PIXELS = 1 << 20;

/** Forward passes of one network at one size, in evaluation mode. */
export class ForwardPass {
  private readonly device: GPUDevice;
  private readonly held: DeviceMemory;
  private readonly programs: PreparedPrograms<InferencePlan>;
  private readonly planOf: (images: number) => InferencePlan;
  private readonly pixels: number;

  /** `pixels`: of one image. */
  constructor(
    device: GPUDevice,
    held: DeviceMemory,
    programs: PreparedPrograms<InferencePlan>,
    planOf: (images: number) => InferencePlan,
    pixels: number,
  ) {
    this.device = device;
    this.held = held;
    this.programs = programs;
    this.planOf = planOf;
    this.pixels = pixels;
  }

  /** [images, H, W] → the same, a group of images after the other. Throws `engine/out-of-memory`, `engine/kernel`. */
  async infer(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Float32Array<ArrayBuffer>> {
    const { pixels, device, held } = this;
    const most = Math.max(1, Math.min(IMAGES, Math.floor(PIXELS / pixels)));
    const out = new Float32Array(images * pixels);
    for (let first = 0; first < images; first += most) {
      const count = Math.min(most, images - first);
      const group = noisy.subarray(first * pixels, (first + count) * pixels);
      const { plan, buffers, program } = await this.uploaded(group, count);
      const begunMs = performance.now();
      program.submit();
      for (const [part, { from, to }] of placesOf(plan.parts, first * pixels, pixels).entries()) {
        const output = buffers[plan.output[part] as number] as GPUBuffer;
        out.set(await readFloats(device, held, output, to - from), from);
      }
      await program.ran(performance.now() - begunMs);
    }
    return out;
  }

  /** One pass of these images with the time of each dispatch. Throws `engine/no-timestamps` too. */
  async measure(noisy: Float32Array<ArrayBuffer>, images: number): Promise<DispatchTime[]> {
    return (await this.uploaded(noisy, images)).program.measure();
  }

  private async uploaded(noisy: Float32Array<ArrayBuffer>, images: number): Promise<Ready<InferencePlan>> {
    const ready = await this.programs.ready(`${images}`, () => this.planOf(images));
    const { plan, buffers } = ready;
    for (const [part, { from, to }] of placesOf(plan.parts, 0, this.pixels).entries()) {
      const input = buffers[plan.noisy[part] as number] as GPUBuffer;
      this.device.queue.writeBuffer(input, 0, noisy.subarray(from, to));
    }
    return ready;
  }
}
