import { describe, expect, it } from "vitest";
import { filesOfDrop, filesOfList } from "./droppedFiles";

const file = (name: string, path = "") =>
  Object.defineProperty(new File(["x"], name), "webkitRelativePath", { value: path });

const fileEntry = (name: string) => ({
  isFile: true,
  isDirectory: false,
  name,
  file: (resolve: (value: File) => void) => resolve(new File(["x"], name)),
});
/** Hands out its children in batches, as browsers do. */
const folderEntry = (name: string, children: { name: string }[], batch: number) => ({
  isFile: false,
  isDirectory: true,
  name,
  createReader: () => {
    let at = 0;
    return {
      readEntries: (resolve: (value: unknown[]) => void) => {
        resolve(children.slice(at, at + batch));
        at += batch;
      },
    };
  },
});
const transferOf = (entries: unknown[]) =>
  ({
    items: entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })),
  }) as unknown as DataTransfer;

describe("filesOfList", () => {
  it("keeps the path inside a folder and leaves out what systems put there", () => {
    const sources = filesOfList([
      file("a.png", "set/a.png"),
      file("b.png"),
      file(".DS_Store", "set/.DS_Store"),
      file("Thumbs.db", "set/Thumbs.db"),
    ]);
    expect(sources.map((source) => source.path)).toEqual(["set/a.png", "b.png"]);
  });
});

describe("filesOfDrop", () => {
  it("walks folders past the first batch of entries", async () => {
    const many = Array.from({ length: 250 }, (_, i) => fileEntry(`${i}.png`));
    const found: number[] = [];
    const sources = await filesOfDrop(
      transferOf([fileEntry("top.png"), folderEntry("set", [folderEntry("inner", many, 100)], 100)]),
      (count) => found.push(count),
    );
    expect(sources).toHaveLength(251);
    expect(sources[0]?.path).toBe("top.png");
    expect(sources[250]?.path).toBe("set/inner/249.png");
    expect(found).toEqual([100, 200]);
  });
});
