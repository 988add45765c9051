import { type BrowserContext, expect, type Page } from "@playwright/test";
import { encodePng8 } from "@/imaging/encodePng";
import { renderPhantom } from "@/imaging/phantom";

/** A run that takes seconds on any engine. */
export const TINY_RUN =
  "data.source=phantom:24&data.size=32&model.width=2&training.batchSize=4&engine.name=tfjs-wasm";

/** Collects requests that leave the lab's origin, policy violations and uncaught errors, from now on. */
export function watch(context: BrowserContext): { readonly external: string[]; readonly errors: string[] } {
  const external: string[] = [];
  const errors: string[] = [];
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.hostname !== "localhost") external.push(request.url());
  });
  context.on("weberror", (error) => errors.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return { external, errors };
}

/** The status of the run in this page, as scripts see it. */
export async function statusOf(page: Page) {
  return page.evaluate(() => {
    if (!window.denoiseLab) throw new Error("The lab is not ready.");
    return window.denoiseLab.status();
  });
}

/** Waits until the run in this page has ended well. */
export async function finished(page: Page, timeout = 120_000): Promise<void> {
  await expect.poll(async () => (await statusOf(page)).outcome, { timeout }).not.toBeNull();
  expect((await statusOf(page)).outcome).toEqual({ ok: true });
}

/** Sets up and starts a run from the training screen, as a person does. */
export async function startRun(page: Page, query: string): Promise<void> {
  await page.goto(`/train?${query}`);
  await page.getByRole("button", { name: "Start training" }).click();
}

/** Bytes of a PNG with a synthetic radiograph. */
export function phantomPng(size: number, index: number): Buffer {
  return Buffer.from(encodePng8(size, size, renderPhantom(size, 7, index)));
}
