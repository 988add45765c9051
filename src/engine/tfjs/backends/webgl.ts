import { LabError } from "@/contracts/failure";
import { describeRenderer } from "@/engine/adapter";
import type { Opened } from "../backend";
import type { Tf } from "../kernels";

/** WebGL 2 on an OffscreenCanvas in a worker, a detached canvas in a window. */
export async function openWebgl(tf: Tf): Promise<Opened> {
  const { MathBackendWebGL } = await import("@tensorflow/tfjs-backend-webgl");
  // The package registers itself in windows only.
  if (!tf.findBackendFactory("webgl")) tf.registerBackend("webgl", () => new MathBackendWebGL());
  // Shaders that serve every shape: a step compiles tens of them instead of hundreds.
  tf.env().set("WEBGL_USE_SHAPES_UNIFORMS", true);
  if (!(await tf.setBackend("webgl"))) throw new Error("no WebGL context");
  const backend = tf.backend() as InstanceType<typeof MathBackendWebGL>;
  const { gl } = backend.gpgpu;
  return {
    adapter: describeRenderer(gl as WebGL2RenderingContext),
    features: gl.getSupportedExtensions() ?? [],
    limits: { maxTextureSize: Number(gl.getParameter(gl.MAX_TEXTURE_SIZE)) },
    failure: () =>
      gl.isContextLost()
        ? new LabError(
            "engine/device-lost",
            "The browser lost the WebGL context.",
            "Resume the run from its last checkpoint; close other tabs that use the GPU if it happens again.",
          )
        : null,
    close: () => undefined,
    lastMaximum: true,
  };
}
