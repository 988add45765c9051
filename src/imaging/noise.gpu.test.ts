import { afterAll, expect, it } from "vitest";
import { PURPOSE } from "@/contracts/random";
import { addNoise } from "./noise";
import { NORMAL_TABLE } from "./normalTable";

/** `noise.ts` in WGSL, one Philox block (four pixels) an invocation: the proof that its arithmetic fits 32 bits. */
const SHADER = /* wgsl */ `
struct Job { seed: u32, index: u32, visit: u32, sigma: u32, mean: i32, blocks: u32 }
@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read> pixels: array<u32>;
@group(0) @binding(3) var<storage, read_write> noisy: array<f32>;

/** (low, high) of the 64-bit product. */
fn product(a: u32, b: u32) -> vec2u {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middleA = (a >> 16u) * (b & 0xffffu);
  let middleB = (a & 0xffffu) * (b >> 16u);
  let middle = (low >> 16u) + (middleA & 0xffffu) + (middleB & 0xffffu);
  return vec2u(a * b, (a >> 16u) * (b >> 16u) + (middleA >> 16u) + (middleB >> 16u) + (middle >> 16u));
}

fn philox(counter: vec4u, seed: u32) -> vec4u {
  var x = counter;
  var key = vec2u(seed, ${PURPOSE.noise}u);
  for (var round = 0u; round < 10u; round++) {
    let p0 = product(0xd2511f53u, x.x);
    let p1 = product(0xcd9e8d57u, x.z);
    x = vec4u(p1.y ^ x.y ^ key.x, p1.x, p0.y ^ x.w ^ key.y, p0.x);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return x;
}

fn halfNormal(u: u32) -> u32 {
  if (u < 128u) { return table[u]; }
  let zeros = countLeadingZeros(u);
  let normalised = u << zeros;
  let index = (25u - zeros) * 64u + ((normalised >> 25u) & 63u) + 64u;
  let high = table[index];
  return high - (((high - table[index + 1u]) * ((normalised >> 9u) & 0xffffu) + 0x8000u) >> 16u);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= job.blocks) { return; }
  let words = philox(vec4u(id.x, job.index, job.visit, 0u), job.seed);
  let levels = pixels[id.x];
  for (var word = 0u; word < 4u; word++) {
    let p = product(halfNormal(words[word] & 0x7fffffffu), job.sigma);
    let low = p.x + 0x80000u;
    let high = p.y + select(0u, 1u, low < p.x);
    let shift = i32((low >> 20u) | (high << 12u));
    let level = i32(((levels >> (8u * word)) & 0xffu) << 15u) + job.mean;
    let value = select(level + shift, level - shift, words[word] >> 31u == 1u);
    noisy[id.x * 4u + word] = f32(clamp(value, 0, ${255 << 15})) * bitcast<f32>(${constantBits()}u);
  }
}`;

function constantBits(): number {
  return new Uint32Array(Float32Array.of(1 / (255 << 15)).buffer)[0] as number;
}

const PIXELS = 64 * 1024;
const adapter = "gpu" in navigator ? await navigator.gpu.requestAdapter() : null;
const device = await adapter?.requestDevice();
afterAll(() => device?.destroy());
if (device === undefined) console.warn("skipped: noise in WGSL, because this browser has no WebGPU adapter.");

it.skipIf(device === undefined).each([
  { seed: 42, index: 7, visit: 3, mean: 0, std: 0.1 },
  { seed: 0xffffffff, index: 14998, visit: 49, mean: -0.25, std: 1 },
])("WGSL gives the same bits: seed $seed, mean $mean, σ $std", async ({ mean, std, ...key }) => {
  const pixels = Uint8Array.from({ length: PIXELS }, (_, i) => (i * 37) & 255);
  const expected = new Float32Array(PIXELS);
  addNoise(pixels, { mean, std }, key, expected, 0);

  await expect(onGpu(device as GPUDevice, pixels, { mean, std, ...key })).resolves.toEqual(
    new Uint32Array(expected.buffer),
  );
});

interface Job {
  readonly seed: number;
  readonly index: number;
  readonly visit: number;
  readonly mean: number;
  readonly std: number;
}

/** The bits of the noisy image as the shader makes it. */
async function onGpu(device: GPUDevice, pixels: Uint8Array<ArrayBuffer>, task: Job): Promise<Uint32Array> {
  const buffer = (data: Uint32Array<ArrayBuffer>, usage: number) => {
    const made = device.createBuffer({ size: data.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
    device.queue.writeBuffer(made, 0, data);
    return made;
  };
  const quantise = (value: number) => Math.floor(value * (255 << 15) + 0.5);
  const job = Uint32Array.of(
    task.seed,
    task.index,
    task.visit,
    quantise(task.std),
    quantise(task.mean),
    PIXELS / 4,
  );
  const noisy = device.createBuffer({
    size: PIXELS * 4,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const read = device.createBuffer({
    size: PIXELS * 4,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: SHADER }) },
  });
  const buffers = [
    buffer(job, GPUBufferUsage.UNIFORM),
    buffer(NORMAL_TABLE, GPUBufferUsage.STORAGE),
    buffer(new Uint32Array(pixels.buffer), GPUBufferUsage.STORAGE),
    noisy,
  ];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: buffers.map((resource, binding) => ({ binding, resource: { buffer: resource } })),
    }),
  );
  pass.dispatchWorkgroups(PIXELS / 4 / 64);
  pass.end();
  encoder.copyBufferToBuffer(noisy, 0, read, 0, PIXELS * 4);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const bits = new Uint32Array(read.getMappedRange().slice(0));
  for (const made of [...buffers, read]) made.destroy();
  return bits;
}
