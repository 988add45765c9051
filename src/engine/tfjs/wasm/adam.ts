import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { AdamStep, Tf } from "../kernels";
import { floats, input, type KernelCall } from "./heap";

export const ADAM = "LabAdam";

/** One Adam step over a group's flat buffers, written in place: one sweep instead of a dozen ops. Returns nothing. */
function adam(call: KernelCall): TensorInfo[] {
  const { backend } = call;
  const { beta1, beta2, epsilon, learningRate, correction1, correction2 } = call.attrs as unknown as AdamStep;
  const values = floats(backend, input(call, "values"));
  const first = floats(backend, input(call, "firstMoments"));
  const second = floats(backend, input(call, "secondMoments"));
  const gradients = floats(backend, input(call, "gradients"));
  const stepSize = learningRate / correction1;
  const root = Math.sqrt(correction2);
  for (let i = 0; i < values.length; i++) {
    const gradient = gradients[i] as number;
    const m = beta1 * (first[i] as number) + (1 - beta1) * gradient;
    const v = beta2 * (second[i] as number) + (1 - beta2) * gradient * gradient;
    first[i] = m;
    second[i] = v;
    values[i] = (values[i] as number) - (stepSize * m) / (Math.sqrt(v) / root + epsilon);
  }
  return [];
}

export function registerAdam(tf: Tf): void {
  tf.registerKernel({ kernelName: ADAM, backendName: "wasm", kernelFunc: adam as never });
}
