/** Imported before a replica's worker: its WebGPU device is destroyed when a message names its place in the order of starting. */
export {};

const request = GPUAdapter.prototype.requestDevice;
let device: GPUDevice | null = null;
GPUAdapter.prototype.requestDevice = async function (...args) {
  device = await request.apply(this, args);
  return device;
};

const place = Number(self.location.hash.slice(1));
new BroadcastChannel("lose-device").onmessage = ({ data }: MessageEvent<number>) => {
  if (data === place) device?.destroy();
};
