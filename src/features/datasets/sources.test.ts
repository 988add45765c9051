import { expect, it } from "vitest";
import { suggestName, summarize } from "./sources";

const source = (path: string, bytes = 10) => ({ path, file: new File([new Uint8Array(bytes)], path) });

it("counts images, archives and the rest", () => {
  expect(
    summarize([source("a/1.PNG"), source("a/2.jpeg", 5), source("b.tar.gz"), source("notes.txt")]),
  ).toEqual({ images: 2, archives: 1, others: 1, bytes: 35 });
});

it("names a dataset after its folder or its archive", () => {
  expect(suggestName([source("images_001/1.png"), source("images_001/2.png")])).toBe("images_001");
  expect(suggestName([source("chest.tar.gz")])).toBe("chest");
  expect(suggestName([source("1.png"), source("2.png")])).toBe("Images");
  expect(suggestName([])).toBe("Images");
});
