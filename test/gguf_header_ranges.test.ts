// GGUF headers in pieces, as they come from the Hub: the same as at once, each byte asked for once, and nothing trusted.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { HeaderFile } from "../src/formats/file.js";
import { parseGguf, readGguf } from "../src/formats/gguf.js";
import { longGguf, longTokens } from "./reference/long_gguf.js";
import { array, bool, f32, type GgufFile, ggufFile, str, u32 } from "./reference/write_gguf.js";

interface Piecewise extends HeaderFile {
  readonly reads: [offset: number, length: number][];
}

/** A file that is read in pieces; `size` is what a listing says of it, the bytes are what comes. */
function pieces(bytes: Buffer, piece: number, size = bytes.length): Piecewise {
  const reads: [number, number][] = [];
  const read = async (offset: number, length: number) => {
    reads.push([offset, length]);
    expect(offset + length).toBeLessThanOrEqual(size);
    // A copy, as over a network: what is not kept is gone.
    return Uint8Array.from(bytes.subarray(offset, offset + length));
  };
  return { path: "test.gguf", size, piece, read, reads };
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

const everything: GgufFile = {
  metadata: {
    "general.architecture": str("llama"),
    numbers: array("f32", [1, 2, 3, 4, 5]),
    words: array("string", ["a", "", "ß", "\u{1F916}".repeat(9)]),
    truths: array("bool", [1, 0, 1]),
    nested: array("array", [array("u16", [1, 2]), array("string", ["x", "yz"])]),
    half: f32(0.5),
    yes: bool(true),
    broken: str(Uint8Array.of(0x61, 0xff, 0xe2, 0x96)),
    n: u32(7),
  },
  tensors: [
    { name: "a", shape: [2, 3], type: 0, data: new Uint8Array(24) },
    { name: "b", shape: [2, 32], type: 8, data: new Uint8Array(68) },
  ],
};

describe("a header in pieces", () => {
  it.each([1, 2, 3])("of any size is the same as at once (version %i)", async (version) => {
    const file = ggufFile({ ...everything, version });
    const whole = parseGguf(file, file.length, "test.gguf");
    for (let piece = 1; piece <= file.length; piece++) {
      expect(await readGguf(pieces(file, piece))).toEqual(whole);
    }
  });

  it("of Python's types, too", async () => {
    const file = readFileSync(new URL("fixtures/formats/all_types.gguf", import.meta.url));
    for (const piece of [1, 7, 64, 1000, file.length]) {
      expect(await readGguf(pieces(file, piece))).toEqual(parseGguf(file, file.length, "test.gguf"));
    }
  });

  it("is asked for from front to back, each byte once, in pieces that double", async () => {
    const file = longGguf();
    const source = pieces(file, 256 * 1024);
    const { metadata, tensors } = await readGguf(source);
    expect([(metadata.get("tokenizer.ggml.tokens") as string[]).length, tensors.length]).toEqual([longTokens, 11]);
    expect((metadata.get("tokenizer.ggml.tokens") as string[])[longTokens - 1]).toBe("▁wörd262143");
    let end = 0;
    for (const [offset, length] of source.reads) {
      expect(offset).toBe(end);
      end = offset + length;
    }
    expect(end).toBeLessThanOrEqual(file.length);
    expect(source.reads.length).toBeLessThanOrEqual(8);
    const ofMiB = source.reads.slice(0, 6).map(([, length]) => length / 2 ** 20);
    expect(ofMiB).toEqual([0.25, 0.5, 1, 2, 4, 8]);
  });
});

describe("a remote file that lies", () => {
  const huge = 2 ** 40;
  const cases: [string, GgufFile, number, string, RegExp][] = [
    ["of 2^62 keys", { keyCount: 2n ** 62n }, huge, "LimitExceeded", /its metadata that would end/],
    ["of 2^62 tensors", { tensorCount: 2n ** 62n }, huge, "LimitExceeded", /its list of tensors that would end/],
    [
      "of an array of 2^62 strings",
      { metadata: { k: array("string", ["a"], 2n ** 62n) } },
      huge,
      "LimitExceeded",
      /the array "k"/,
    ],
    [
      "of more strings than memory should hold",
      { metadata: { k: array("string", ["a"], 2 ** 23) } },
      huge,
      "LimitExceeded",
      /at most 8000000 entries/,
    ],
    [
      "of one key more than there is",
      { metadata: { k: str("x") }, keyCount: 2 },
      40,
      "Truncated",
      /has 40 bytes, expected/,
    ],
    ["about where it ends", everything, 300, "Truncated", /has 300 bytes/],
  ];

  it.each(cases)("%s", async (_, file, size, code, message) => {
    const source = pieces(Buffer.concat([ggufFile(file), Buffer.alloc(2000)]), 64, size);
    await expect(readGguf(source)).rejects.toThrow(refusal(code, message));
    const asked = source.reads.reduce((sum, [, length]) => sum + length, 0);
    expect(asked).toBeLessThan(5000);
  });

  it("is given up at the first error of the network", async () => {
    const source = pieces(longGguf(), 1024);
    const read = async (offset: number, length: number) => {
      if (offset > 100_000) throw new Error("the network is gone");
      return source.read(offset, length);
    };
    await expect(readGguf({ ...source, read })).rejects.toThrow("the network is gone");
  });

  it("with an array that is announced and never comes is read piece by piece, not at once", async () => {
    const file = ggufFile({ metadata: { k: array("u8", [], 2 ** 28) } });
    const source = pieces(file, 256, 2 ** 30);
    const read = async (offset: number, length: number) => {
      if (source.reads.length === 12) throw new Error("enough");
      source.reads.push([offset, length]);
      return offset === 0 ? Buffer.concat([file, Buffer.alloc(length)]).subarray(0, length) : new Uint8Array(length);
    };
    await expect(readGguf({ ...source, read })).rejects.toThrow("enough");
    expect(Math.max(...source.reads.map(([, length]) => length))).toBe(256 * 2 ** 11);
  });
});
