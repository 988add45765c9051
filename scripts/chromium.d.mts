import type { LaunchOptions } from "playwright";
export function findChromium(): string | null;
export function chromiumArguments(): string[];
export function chromiumLaunch(): LaunchOptions;
