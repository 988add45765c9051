import type { ImportSource } from "@/contracts/workers";

const RESULT = "result.json";
const folderOf = (path: string): string => path.slice(0, path.lastIndexOf("/") + 1);

/**
 * Chosen files run by run: a zip is a run, and so is every folder with a `result.json`, with what lies below it. Files of no
 * run (a study's own report) stay out where there is any run; else all stay together, to be refused with a reason.
 */
export function runsApart(sources: readonly ImportSource[]): readonly (readonly File[])[] {
  const isZip = ({ path }: ImportSource): boolean => /\.zip$/i.test(path);
  const folders = sources
    .filter(({ path }) => path === RESULT || path.endsWith(`/${RESULT}`))
    .map(({ path }) => folderOf(path))
    // The deepest first: a run's folder may lie in another's.
    .toSorted((a, b) => b.length - a.length);
  const runs = new Map<string, File[]>(folders.toReversed().map((folder) => [folder, []]));
  for (const { path, file } of sources.filter((source) => !isZip(source)))
    runs.get(folders.find((folder) => path.startsWith(folder)) ?? "\0")?.push(file);
  const found = [...sources.filter(isZip).map(({ file }) => [file]), ...runs.values()];
  return found.length > 0 ? found : sources.length > 0 ? [sources.map(({ file }) => file)] : [];
}
