import { type BrowserContext, chromium, type Page } from "playwright";
import type { AutomationStatus } from "@/app/automation";
import { LabError } from "@/contracts/failure";
import { chromiumLaunch } from "../chromium.mjs";

export interface LabPage {
  readonly page: Page;
  /** Requests that left the lab's own origin; must stay 0. */
  externalRequests(): number;
  status(): Promise<AutomationStatus>;
  close(): Promise<void>;
}

/** Opens the lab in Chromium with a profile of its own and waits for `window.denoiseLab`. */
export async function openLab(options: {
  readonly url: string;
  readonly profile: string;
  readonly browserArguments: readonly string[];
  readonly headed: boolean;
}): Promise<LabPage> {
  const launch = chromiumLaunch();
  let context: BrowserContext;
  try {
    context = await chromium.launchPersistentContext(options.profile, {
      ...launch,
      args: [...(launch.args ?? []), ...options.browserArguments],
      headless: !options.headed,
      // Ctrl+C first writes a checkpoint; the driver closes the browser afterwards.
      handleSIGINT: false,
      handleSIGTERM: false,
      viewport: { width: 1280, height: 800 },
      acceptDownloads: true,
    });
  } catch (error) {
    throw new LabError(
      "bench/browser",
      `Chromium did not start: ${(error as Error).message.split("\n")[0]}.`,
      "Check --browser-arg and --headed, or set CHROMIUM_PATH to a working Chromium.",
      { cause: error },
    );
  }
  let external = 0;
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${options.url}/`) && !/^(blob|data|about|chrome):/.test(url)) external++;
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("pageerror", (error) => console.error(`page error: ${error.message}`));
  await page.goto(`${options.url}/runs`);
  await page.waitForFunction(() => window.denoiseLab !== undefined, undefined, { timeout: 60_000 });
  return {
    page,
    externalRequests: () => external,
    status: () =>
      page.evaluate(() => {
        if (!window.denoiseLab) throw new Error("The lab was reloaded.");
        return window.denoiseLab.status();
      }),
    close: () => context.close(),
  };
}
