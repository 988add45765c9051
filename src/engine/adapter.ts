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

/** What can be asked of a browser, which lists no adapters. */
export const ADAPTER_WISHES = ["high-performance", "low-power"] as const;
export type AdapterWish = (typeof ADAPTER_WISHES)[number];

let wish: AdapterWish = "high-performance";

/** Which adapter this thread's engines compute on from now on. */
export function wishAdapter(wished: AdapterWish): void {
  wish = wished;
}

/** The adapter that this thread's engines compute on, or null. */
export async function requestAdapter(wished: AdapterWish = wish): Promise<GPUAdapter | null> {
  // Absent outside browsers and without a secure context, whatever the types say.
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  return (await gpu?.requestAdapter({ powerPreference: wished })) ?? null;
}

/** The adapter that WebGPU would give, or null. Loads nothing. */
export async function findWebgpuAdapter(wished?: AdapterWish): Promise<AdapterInfo | null> {
  const adapter = await requestAdapter(wished);
  return adapter ? describeAdapter(adapter.info) : null;
}

/** Whether two replicas compute on one device, as far as a browser tells. */
export function isSameAdapter(a: AdapterInfo | null, b: AdapterInfo | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Wishes that give different adapters, the fastest first: [] without any. A software adapter beside a graphics card is left
 * out, as the card would wait for it at every step.
 */
export async function distinctAdapters(): Promise<
  { readonly wish: AdapterWish; readonly adapter: AdapterInfo }[]
> {
  const found: { readonly wish: AdapterWish; readonly adapter: AdapterInfo }[] = [];
  for (const wished of ADAPTER_WISHES) {
    const adapter = await findWebgpuAdapter(wished);
    if (adapter && !found.some((earlier) => isSameAdapter(earlier.adapter, adapter)))
      found.push({ wish: wished, adapter });
  }
  const hardware = found.filter(({ adapter }) => !isSoftware(adapter));
  return hardware.length > 0 ? hardware : found;
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
