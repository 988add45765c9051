import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { LabError } from "@/contracts/failure";
import { phantomCount } from "@/contracts/runConfig";

/** What the options of every headless command have in common. */

export function badOption(message: string, remedy: string): LabError {
  return new LabError("bench/options", message, remedy);
}

export function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value))
    throw badOption(`--${name} ${text} is not a number.`, "Give a number.");
  return value;
}

/** The parts of a comma-separated list. */
export function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** Values of `options` in `args`. Throws `bench/options` (`help`: where they are explained). */
export function parseOptions<T extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: T,
  help: string,
) {
  try {
    // A value such as `-0.1` looks like an option: join it to its name.
    const joined: string[] = [];
    for (let i = 0; i < args.length; i++) {
      const arg = args[i] as string;
      const next = args[i + 1];
      if (next !== undefined && (/^-\.?\d/.test(next) || arg === "--browser-arg")) {
        joined.push(`${arg}=${next}`);
        i++;
      } else joined.push(arg);
    }
    return parseArgs({ args: joined, options, strict: true as const, allowPositionals: false as const })
      .values;
  } catch (error) {
    const message = (error as Error).message.split(". ")[0] as string;
    throw badOption(message.endsWith(".") ? message : `${message}.`, `See ${help}.`);
  }
}

/** What both headless commands resume by: with `--resume DIR` they take only what concerns the browser. */
export interface ResumeCommand {
  readonly kind: "resume";
  readonly out: string;
  readonly browserArguments: readonly string[];
  readonly headed: boolean;
}

/** The resumption that `values` ask for, or null. `what` is resumed keeps its options: others are refused with `bench/options`. */
export function resumeOf(
  values: Readonly<Record<string, unknown>> & {
    readonly resume?: string;
    readonly headed?: boolean;
    readonly "browser-arg"?: string[];
  },
  what: string,
): ResumeCommand | null {
  if (values.resume === undefined) return null;
  const others = Object.keys(values).filter((name) => !["resume", "browser-arg", "headed"].includes(name));
  if (others.length > 0)
    throw badOption(
      `--${others[0]} cannot be given with --resume.`,
      `A resumed ${what} keeps its options: give only --resume DIR.`,
    );
  return {
    kind: "resume",
    out: resolveFromCaller(values.resume),
    browserArguments: values["browser-arg"] ?? [],
    headed: values.headed ?? false,
  };
}

export type DataSource =
  | { readonly kind: "phantom"; readonly count: number }
  | { readonly kind: "files"; readonly path: string };

/** What `--data` names. Throws `bench/options`, `data/missing`. */
export function dataOf(text: string): DataSource {
  if (text.startsWith("phantom:")) {
    const count = phantomCount(text) ?? 0;
    if (!Number.isInteger(count) || count < 3 || count > 999_999)
      throw badOption(
        `--data ${text}: the number of phantoms must lie between 3 and 999,999.`,
        "Use for example phantom:64.",
      );
    return { kind: "phantom", count };
  }
  const path = resolveFromCaller(text);
  if (!existsSync(path))
    throw new LabError(
      "data/missing",
      `--data ${text} does not exist.`,
      "Give a folder or an archive of images, or phantom:COUNT.",
    );
  if (!statSync(path).isDirectory() && !/\.(zip|tar|tar\.gz|tgz)$/i.test(path))
    throw new LabError(
      "data/missing",
      `--data ${text} is neither a folder nor a .zip, .tar.gz or .tar.`,
      "Give a folder or an archive.",
    );
  return { kind: "files", path };
}

/** Paths are relative to the folder the command was called in. */
export function resolveFromCaller(path: string): string {
  return resolve(process.env["LAB_CALLER_FOLDER"] ?? ".", path);
}

/** The absolute path of a file of weights that is there, or null. */
export function weightFile(option: string, path: string | undefined): string | null {
  if (path === undefined) return null;
  const file = resolveFromCaller(path);
  if (!existsSync(file))
    throw new LabError(
      "weights/missing",
      `--${option} ${path} does not exist.`,
      "Give a safetensors or .pth file.",
    );
  return file;
}
