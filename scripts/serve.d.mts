export function buildIfStale(): Promise<void>;
export function serve(options?: {
  port?: number;
  strict?: boolean;
}): Promise<{ url: string; port: number; close: () => Promise<void> }>;
export function freePort(): Promise<number>;
