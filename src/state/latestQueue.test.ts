import { describe, expect, it } from "vitest";
import { LatestQueue } from "./latestQueue";

/** A queue whose work ends when the test says so. */
function controlled(keep: (done: number, wanted: number) => boolean = () => true) {
  const started: number[] = [];
  const shown: string[] = [];
  const ends: ((text: string) => void)[] = [];
  const queue = new LatestQueue<number, string>({
    work: (request) => {
      started.push(request);
      return new Promise((resolve) => ends.push(resolve));
    },
    keep,
  });
  const ask = (key: string, request: number) =>
    queue.ask(key, request, (result) => shown.push(`${key}${request}${result}`));
  /** Ends the piece of work that was started at place `at`. */
  const finish = async (at: number) => {
    ends[at]?.("!");
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { queue, ask, started, shown, finish };
}

describe("LatestQueue", () => {
  it("works on one request at a time and skips those that were overtaken", async () => {
    const { ask, started, shown, finish } = controlled();
    for (const request of [1, 2, 3, 4]) ask("a", request);
    expect(started).toEqual([1]);
    await finish(0);
    expect(started).toEqual([1, 4]);
    await finish(1);
    expect(shown).toEqual(["a1!", "a4!"]);
  });

  it("keeps one waiting request for each key, in the order of the keys", async () => {
    const { ask, started, finish } = controlled();
    ask("a", 1);
    ask("b", 2);
    ask("c", 3);
    ask("b", 4);
    await finish(0);
    await finish(1);
    await finish(2);
    expect(started).toEqual([1, 4, 3]);
  });

  it("does not show a result that the wanted request makes useless", async () => {
    const { ask, shown, finish } = controlled((done, wanted) => done % 2 === wanted % 2);
    ask("a", 1);
    ask("a", 2);
    await finish(0);
    await finish(1);
    expect(shown).toEqual(["a2!"]);
  });

  it("drops late results and goes on with what is asked afterwards", async () => {
    const { queue, ask, started, shown, finish } = controlled();
    ask("a", 1);
    ask("a", 2);
    queue.drop("a");
    ask("a", 3);
    await finish(0);
    expect(shown).toEqual([]);
    expect(started).toEqual([1, 3]);
    await finish(1);
    expect(shown).toEqual(["a3!"]);
  });
});
