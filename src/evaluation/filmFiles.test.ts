import { describe, expect, it } from "vitest";
import { LabError } from "@/contracts/failure";
import type { Film } from "@/contracts/film";
import { decodeImage } from "@/imaging/decode";
import { encodePng8 } from "@/imaging/encodePng";
import { exampleRun } from "./exampleRun.fixture";
import { filmFiles, readFilmFiles } from "./filmFiles";

function example(): Film {
  const { film } = exampleRun();
  if (!film) throw new Error("the example has a film");
  return film;
}

type Files = Map<string, Uint8Array<ArrayBuffer>>;
const filesOf = (film: Film): Files => new Map([...filmFiles(film)].map(({ path, bytes }) => [path, bytes]));
const read = (files: Files) => readFilmFiles(async (path) => files.get(path) ?? null);

async function failureOf(change: (files: Files) => void): Promise<LabError["failure"]> {
  const files = filesOf(example());
  change(files);
  const error = await read(files).catch((thrown: unknown) => thrown);
  if (error instanceof LabError) return error.failure;
  throw new Error("not refused");
}

const editIndex = (edit: (json: { schemaVersion: number; frames: { psnrDb: number[] }[] }) => void) => {
  return (files: Files): void => {
    const json = JSON.parse(new TextDecoder().decode(files.get("film/film.json")));
    edit(json);
    files.set("film/film.json", new TextEncoder().encode(JSON.stringify(json)));
  };
};

describe("the files of a film", () => {
  it("bring it back exactly, whatever their order", async () => {
    const files = new Map([...filesOf(example())].reverse());
    expect(await read(files)).toEqual(example());
    expect(await read(new Map())).toBeNull();
  });

  it("are pictures side by side, in names that sort by step", async () => {
    const files = filesOf(example());
    expect([...files.keys()].filter((path) => path.includes("step"))).toEqual(
      ["00000000", "00000001", "00000002", "00000004"].map((step) => `film/step-${step}.png`),
    );
    const { width, height, channels, data } = await decodeImage(
      files.get("film/step-00000004.png") ?? new Uint8Array(),
      "frame",
    );
    expect([width, height, channels]).toEqual([32, 16, 1]);
    const denoised = example().frames.at(-1)?.denoised;
    // Second row of the second picture.
    expect([...data.subarray(32 + 16, 32 + 32)]).toEqual([...(denoised?.subarray(256 + 16, 256 + 32) ?? [])]);
  });

  it.each<[string, (files: Files) => void, RegExp]>([
    ["a missing picture", (files) => files.delete("film/step-00000002.png"), /step-00000002\.png is missing/],
    [
      "a picture cut off",
      (files) => files.set("film/clean.png", (files.get("film/clean.png") ?? new Uint8Array()).slice(0, -30)),
      /clean\.png is no whole PNG/,
    ],
    [
      "a picture of another size",
      (files) => {
        files.set("film/noisy.png", encodePng8(16, 16, new Uint8Array(256)));
      },
      /noisy\.png is 16×16, not 32×16/,
    ],
    ["broken JSON", (files) => files.set("film/film.json", new TextEncoder().encode("{")), /not JSON/],
    [
      "a newer version",
      editIndex((json) => {
        json.schemaVersion = 2;
      }),
      /schemaVersion/,
    ],
    [
      "figures of other pictures",
      editIndex((json) => {
        json.frames[1]?.psnrDb.pop();
      }),
      /2 figures for 2 pictures/,
    ],
  ])("with %s are refused", async (_, change, message) => {
    const failure = await failureOf(change);
    expect(failure.code).toBe("run/corrupt");
    expect(failure.message).toMatch(message);
  });
});
