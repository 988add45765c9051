import { describe, expect, it } from "vitest";
import { runsApart } from "./runsApart";

const split = (...paths: string[]): string[][] =>
  runsApart(paths.map((path) => ({ path, file: new File([], path) }))).map((files) =>
    files.map(({ name }) => name),
  );

describe("runsApart", () => {
  it("takes every zip as a run", () => {
    expect(split("a.zip", "b.ZIP")).toEqual([["a.zip"], ["b.ZIP"]]);
  });

  it("takes the files of a result folder together, with or without their folder", () => {
    expect(split("result.json", "per-image.csv")).toEqual([["result.json", "per-image.csv"]]);
    expect(split("r/result.json", "r/film/1.png", "b.zip")).toEqual([
      ["b.zip"],
      ["r/result.json", "r/film/1.png"],
    ]);
  });

  it("finds the runs of a study's folder and leaves its report out", () => {
    expect(
      split(
        "s/state.json",
        "s/u/result.json",
        "s/u/model.safetensors",
        "s/u2/result.json",
        "s/report/report.md",
      ),
    ).toEqual([["s/u/result.json", "s/u/model.safetensors"], ["s/u2/result.json"]]);
  });

  it("keeps a file with the nearest run above it", () => {
    expect(split("a/result.json", "a/b/result.json", "a/b/x.csv", "a/y.csv")).toEqual([
      ["a/result.json", "a/y.csv"],
      ["a/b/result.json", "a/b/x.csv"],
    ]);
  });

  it("leaves what holds no run together, so that it is refused with a reason", () => {
    expect(split("x.csv", "y.csv")).toEqual([["x.csv", "y.csv"]]);
    expect(split()).toEqual([]);
  });
});
