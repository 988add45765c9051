import type { AdapterInfo } from "@/contracts/training";

/** Mesa's lavapipe behind a driver that names itself SwiftShader: only its subgroups, 8 wide, tell it apart. */
const LAVAPIPE_SUBGROUP = 8;

/** `adapter.info` as it goes into a result. */
export function describeAdapter(info: GPUAdapterInfo): AdapterInfo {
  const text = `${info.architecture} ${info.device} ${info.description}`;
  const lavapipe =
    /swiftshader/i.test(text) &&
    info.subgroupMinSize === LAVAPIPE_SUBGROUP &&
    info.subgroupMaxSize === LAVAPIPE_SUBGROUP;
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    device: info.device,
    description: lavapipe ? `lavapipe (${info.description || "software adapter"})` : info.description,
    isFallbackAdapter: info.isFallbackAdapter === true,
  };
}

/** True for adapters and renderers that compute on the processor. */
export function isSoftware(adapter: AdapterInfo): boolean {
  return (
    adapter.isFallbackAdapter ||
    /swiftshader|lavapipe|llvmpipe|softpipe|basic render|software/i.test(
      `${adapter.architecture} ${adapter.device} ${adapter.description}`,
    )
  );
}

/** The WebGL renderer of a context, unmasked where the browser tells it. */
export function describeRenderer(gl: WebGL2RenderingContext): AdapterInfo {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const text = (parameter: number): string => String(gl.getParameter(parameter) ?? "");
  return {
    vendor: (names && text(names.UNMASKED_VENDOR_WEBGL)) || text(gl.VENDOR),
    architecture: "",
    device: "",
    description: (names && text(names.UNMASKED_RENDERER_WEBGL)) || text(gl.RENDERER),
    isFallbackAdapter: false,
  };
}

/** The adapter that WebGPU would give, or null. Loads nothing. */
export async function findWebgpuAdapter(): Promise<AdapterInfo | null> {
  // Absent outside browsers and without a secure context, whatever the types say.
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  return adapter ? describeAdapter(adapter.info) : null;
}

/** The WebGL 2 renderer that can render to 32-bit floats, or null. Loads nothing. */
export function findWebglRenderer(): AdapterInfo | null {
  if (typeof OffscreenCanvas === "undefined") return null;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl) return null;
  const renderer = gl.getExtension("EXT_color_buffer_float") ? describeRenderer(gl) : null;
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return renderer;
}
