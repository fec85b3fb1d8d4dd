// GGUF: what a valid file gives in each version, and the exact refusal of each thing that can be wrong with one.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type GgufHeader, parseGguf } from "../src/formats/gguf.js";
import { textBytes } from "../src/formats/gguf_cursor.js";
import { maxTensors } from "../src/formats/sizes.js";
import { codecOf, type QuantName } from "../src/quants/index.js";
import { array, bool, f32, type GgufFile, type GgufValue, ggufFile, str, u32 } from "./reference/write_gguf.js";

const parse = (file: Uint8Array, size = file.length): GgufHeader => parseGguf(file, size, "test.gguf");
const make = (file: GgufFile) => parse(ggufFile(file));
const value = (given: GgufValue) => make({ metadata: { key: given } }).metadata.get("key");

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

const floats = (name: string, ...shape: number[]) => ({
  name,
  shape,
  type: 0,
  data: new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)),
});

describe.each([1, 2, 3])("version %i", (version) => {
  it("gives metadata and tensors", () => {
    const header = make({
      version,
      metadata: { "general.architecture": str("llama"), n: u32(7), list: array("string", ["a", "", "ß"]) },
      tensors: [floats("a", 2, 3), floats("b", 5)],
    });
    expect(header.version).toBe(version);
    expect([...header.metadata]).toEqual([
      ["general.architecture", "llama"],
      ["n", 7],
      ["list", ["a", "", "ß"]],
    ]);
    expect(header.tensors).toMatchObject([
      { name: "a", quant: "F32", shape: [2, 3], byteLength: 24 },
      { name: "b", quant: "F32", shape: [5], byteLength: 20 },
    ]);
    expect(header.tensors.map(({ offset }) => offset % 32)).toEqual([0, 0]);
  });

  it("finds every cut of a file", () => {
    const file = ggufFile({ version, metadata: { k: str("value") }, tensors: [floats("a", 4)] });
    const used = file.length - 16; // the padding of the last tensor may be missing
    for (let size = 4; size < used; size++) {
      expect(() => parse(file.subarray(0, size))).toThrow(refusal("Truncated", /has \d+ bytes, expected \d+ for/));
    }
    expect(parse(file.subarray(0, used)).tensors.length).toBe(1);
  });
});

describe("metadata", () => {
  it("keeps every type Python writes", () => {
    const file = readFileSync(new URL("fixtures/formats/all_types.gguf", import.meta.url));
    const { metadata, tensors } = parse(file);
    const get = (key: string) => metadata.get(`test.${key}`);
    const numbers = {
      uint8: 255,
      int8: -128,
      uint16: 65535,
      int16: -32768,
      uint32: 2 ** 32 - 1,
      int32: -(2 ** 31),
      float32: 0.5,
      uint64: 2n ** 64n - 1n,
      int64: -(2n ** 63n),
      float64: 0.1,
    };
    for (const [name, want] of Object.entries(numbers)) {
      expect(get(name)).toBe(want);
      expect([...(get(`array.${name}`) as Uint8Array)]).toEqual([want, typeof want === "bigint" ? 1n : 1]);
    }
    expect(get("array.float32")).toBeInstanceOf(Float32Array);
    expect(get("array.uint64")).toBeInstanceOf(BigUint64Array);
    expect([get("bool"), get("array.bool"), get("exact")]).toEqual([true, [true, false], 2 ** 53 - 1]);
    expect(get("string")).toBe("naïve \ufeff日本 🤖");
    expect(get("array.string")).toEqual(["", "\ufeff", "▁the", "ÿ"]);
    expect(tensors.map(({ name, quant, shape }) => [name, quant, shape])).toEqual(
      ["F32", "F16", "BF16", "Q8_0", "Q4_0"].map((name) => [`${name}.weight`, name, [4, 32]]),
    );
    const decoded = tensors.map(({ quant, offset, byteLength }) =>
      decode(quant, file.subarray(offset, offset + byteLength)),
    );
    for (const [i, error] of [0, 1e-4, 1e-3, 1e-3, 0.02].entries()) {
      expect(Math.max(...decoded[i]!.map((v, j) => Math.abs(v - decoded[0]![j]!)))).toBeLessThanOrEqual(error);
    }
  });

  it("keeps arrays in arrays", () => {
    const inner = [array("u8", [1, 2]), array("string", ["x"])];
    expect(value(array("array", inner))).toEqual([new Uint8Array([1, 2]), ["x"]]);
  });

  it("keeps bytes that are not UTF-8, and gives them back", () => {
    const cases = [
      [0xff],
      [0xe6, 0x97],
      [0x61, 0x80, 0x62],
      [0xc3, 0xa9, 0xc3],
      [0xed, 0xa0, 0x80],
      [0xef, 0xbf, 0xbd],
      [0xf0, 0x9f, 0xa4, 0x96, 0x90],
    ];
    for (const bytes of cases) {
      const text = value(str(Uint8Array.from(bytes))) as string;
      expect([...textBytes(text)]).toEqual(bytes);
    }
    expect(value(str(Uint8Array.of(0x61, 0xff)))).toBe("a\udcff");
    expect(value(str("\ufffd"))).toBe("\ufffd");
  });

  it("outlives the file's bytes", () => {
    const file = ggufFile({ metadata: { key: array("f32", [1, 2]) } });
    const { metadata } = parse(file);
    file.fill(0xff);
    expect(metadata.get("key")).toEqual(new Float32Array([1, 2]));
  });
});

describe("metadata that lies", () => {
  const huge = 2n ** 62n;
  let nested: GgufValue = array("u8", [1]);
  for (let i = 0; i < 4; i++) nested = array("array", [nested]);

  const cases: [string, GgufFile, string, RegExp][] = [
    [
      "a key twice",
      {
        metadata: [
          ["k", u32(1)],
          ["k", u32(2)],
        ],
      },
      "InvalidGguf",
      /the key "k" is given twice/,
    ],
    [
      "an unknown type",
      { metadata: { k: { type: "13" } as never } },
      "InvalidGguf",
      /type of 0 to 12 for "k", received 13/,
    ],
    ["an array of an unknown type", { metadata: { k: array("13", [], 1) } }, "Truncated|InvalidGguf", /./],
    ["more keys than bytes", { keyCount: 1000 }, "Truncated", /for its metadata/],
    ["2^62 keys", { keyCount: huge }, "LimitExceeded", /header/],
    ["2^62 tensors", { tensorCount: huge }, "LimitExceeded", /its list of tensors that would end/],
    ["more tensors than bytes", { tensorCount: 2 }, "Truncated", /for its list of tensors/],
    ["an array longer than the file", { metadata: { k: array("f32", [1], 100) } }, "Truncated", /for the array "k"/],
    ["an array of 2^62 strings", { metadata: { k: array("string", ["a"], huge) } }, "LimitExceeded", /the array "k"/],
    ["an array of 2^62 bytes", { metadata: { k: array("u8", [1], huge) } }, "LimitExceeded", /the array "k"/],
    ["arrays five deep", { metadata: { k: nested } }, "LimitExceeded", /at most 4 levels of arrays in "k"/],
    ["a long key", { metadata: { ["k".repeat(65536)]: u32(1) } }, "LimitExceeded", /at most 65535 bytes for a key/],
    [
      "a long string",
      { metadata: { k: str("x".repeat(2 ** 24 + 1)) } },
      "LimitExceeded",
      /at most 16777216 bytes for k/,
    ],
    [
      "an alignment of 3",
      { metadata: { "general.alignment": u32(3) } },
      "InvalidGguf",
      /power of two for general.alignment, received 3/,
    ],
    ["an alignment of 0", { metadata: { "general.alignment": u32(0) } }, "InvalidGguf", /received 0/],
    ["an alignment of a half", { metadata: { "general.alignment": f32(0.5) } }, "InvalidGguf", /received 0.5/],
    ["an alignment as text", { metadata: { "general.alignment": str("32") } }, "InvalidGguf", /received "32"/],
    ["an alignment of truth", { metadata: { "general.alignment": bool(true) } }, "InvalidGguf", /received true/],
  ];

  it.each(cases)("is refused: %s", (_, file, code, message) => {
    expect(() => make(file)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(code), message: expect.stringMatching(message) }),
    );
  });

  it("is refused: 100 001 keys", () => {
    const metadata = Array.from({ length: 100_001 }, (_, i) => [`${i}`, bool(true)] as const);
    expect(() => make({ metadata })).toThrow(refusal("LimitExceeded", /at most 100000 keys/));
  });

  it.each([
    ["a key", 24],
    ["a string", 24 + 8 + 1 + 4],
  ])("is refused: %s of 2^62 bytes", (_, at) => {
    const file = ggufFile({ metadata: { k: str("value") } });
    file.writeBigUInt64LE(huge, at);
    expect(() => parse(file)).toThrow(refusal("LimitExceeded", /at most \d+ bytes for (a key|k).*received Infinity/));
  });

  it("is refused: more entries than memory should hold", () => {
    // Eight million and one booleans of a byte each, without writing them one by one.
    const file = ggufFile({ metadata: { k: array("bool", [], 8_000_001) } });
    expect(() => parse(Buffer.concat([file, Buffer.alloc(8_000_001)]))).toThrow(
      refusal("LimitExceeded", /at most 8000000 entries/),
    );
  });
});

describe("what is no GGUF of ours", () => {
  const bigEndian = Buffer.concat([Buffer.from("GGUF"), Buffer.from([0, 0, 0, 3]), Buffer.alloc(16)]);

  const cases: [string, Uint8Array, string, RegExp][] = [
    ["nothing", Buffer.alloc(0), "NotAModel", /starts with nothing/],
    ["another magic", Buffer.from("GGML    "), "NotAModel", /starts with "GGML"/],
    ["a web page", Buffer.from("<!DOCTYPE html>"), "NotAModel", /starts with "<!DO"/],
    ["only the magic", Buffer.from("GGUF"), "Truncated", /has 4 bytes, expected 8/],
    ["big-endian", bigEndian, "InvalidGguf", /big-endian/],
    ["big-endian, magic too", Buffer.from("FUGG    "), "InvalidGguf", /big-endian/],
    ["version 0", ggufFile({ version: 0 }), "InvalidGguf", /1, 2 or 3 .* received 0/],
    ["version 4", ggufFile({ version: 4 }), "InvalidGguf", /received 4/],
  ];

  it.each(cases)("is refused: %s", (_, file, code, message) => {
    expect(() => parse(file)).toThrow(refusal(code, message));
  });
});

describe("tensors", () => {
  const data = new Uint8Array(64);
  const one = (fields: object) => ({ tensors: [{ name: "t", shape: [16], type: 0, data, ...fields }] });

  it("of every size of quant lie where their offsets say", () => {
    const { tensors } = make({
      metadata: { "general.alignment": u32(64) },
      alignment: 64,
      tensors: [
        { name: "q4_k", shape: [2, 256], type: 12, data: new Uint8Array(288) },
        { name: "q8_0", shape: [3, 32], type: 8, data: new Uint8Array(102) },
        { name: "i32", shape: [1, 1, 1, 3], type: 26, data: new Uint8Array(12) },
        { name: "scalar", shape: [], type: 0, data: new Uint8Array(4) },
        { name: "empty", shape: [0], type: 0 },
      ],
    });
    expect(tensors.map(({ quant, byteLength }) => [quant, byteLength])).toEqual([
      ["Q4_K", 288],
      ["Q8_0", 102],
      ["I32", 12],
      ["F32", 4],
      ["F32", 0],
    ]);
    expect(tensors.every(({ offset }) => offset % 64 === 0)).toBe(true);
  });

  const cases: [string, GgufFile, string, RegExp][] = [
    ["five dimensions", one({ shape: [1, 1, 1, 1, 1] }), "LimitExceeded", /at most 4 dimensions for tensor "t"/],
    ["a size of 2^63", one({ shape: [2n ** 63n] }), "InvalidGguf", /shape of tensor "t"/],
    ["a product beyond 2^53", one({ shape: [2 ** 40, 2 ** 40] }), "InvalidGguf", /fewer than 2\^53/],
    ["a product that is 0 in 64 bits", one({ shape: [2 ** 32, 2 ** 32] }), "InvalidGguf", /fewer than 2\^53/],
    ["nothing times 2^63", one({ shape: [2n ** 63n, 0] }), "InvalidGguf", /fewer than 2\^53/],
    ["2^53 bytes", one({ shape: [2 ** 50], type: 28 }), "InvalidGguf", /fewer than 2\^53 values and bytes/],
    ["2^53 bytes of blocks", one({ shape: [15 * 2 ** 24, 2 ** 25], type: 9 }), "InvalidGguf", /fewer than 2\^53/],
    ["half a block", one({ shape: [2, 16], type: 8 }), "InvalidGguf", /whole blocks of 32 \(Q8_0\).*received \[2,16\]/],
    ["rows of one block and a half", one({ shape: [2, 384], type: 12 }), "InvalidGguf", /whole blocks of 256 \(Q4_K\)/],
    ["a block without dimensions", one({ shape: [], type: 8 }), "InvalidGguf", /whole blocks of 32 \(Q8_0\)/],
    [
      "a removed type",
      one({ type: 31 }),
      "UnsupportedQuant",
      /"t" in test.gguf has type Q4_0_4_4 \(id 31\), which was removed/,
    ],
    ["an unknown type", one({ type: 77 }), "UnsupportedQuant", /has type id 77/],
    [
      "an offset off the alignment",
      one({ offset: 4 }),
      "InvalidGguf",
      /multiple of 32 for the offset of tensor "t", received 4/,
    ],
    [
      "an offset off an alignment of its own",
      { ...one({ offset: 32 }), metadata: { "general.alignment": u32(64) }, alignment: 64 },
      "InvalidGguf",
      /multiple of 64 for the offset of tensor "t", received 32/,
    ],
    ["an offset beyond the file", one({ offset: 2 ** 40 }), "Truncated", /expected 1099511\d+ for its tensors/],
    ["an offset of 2^64 - 32", one({ offset: 2n ** 64n - 32n }), "InvalidGguf", /offset of tensor "t"/],
    ["a name twice", { tensors: [floats("t", 8), floats("t", 8)] }, "InvalidGguf", /"t" is listed twice/],
    ["a long name", { tensors: [floats("t".repeat(1025), 8)] }, "LimitExceeded", /at most 1024 bytes for the name/],
    [
      "shared bytes",
      { tensors: [floats("a", 16), { ...floats("b", 16), offset: 32 }] },
      "InvalidGguf",
      /"a" and "b" overlap/,
    ],
    [
      "bytes within another's",
      { tensors: [floats("a", 64), { ...floats("b", 8), offset: 64 }, { ...floats("c", 8), offset: 256 }] },
      "InvalidGguf",
      /"a" and "b" overlap/,
    ],
    ["the same bytes", { tensors: [floats("a", 16), { ...floats("b", 16), offset: 0 }] }, "InvalidGguf", /overlap/],
  ];

  it.each(cases)("are refused with %s", (_, file, code, message) => {
    expect(() => make(file)).toThrow(refusal(code, message));
  });

  it("are refused when there are too many", () => {
    const file = ggufFile({ tensorCount: maxTensors + 1 });
    expect(() => parse(Buffer.concat([file, Buffer.alloc(24 * (maxTensors + 1))]))).toThrow(
      refusal("LimitExceeded", /at most 250000 tensors in test.gguf, received 250001/),
    );
  });

  it("cut short say both sizes", () => {
    const file = ggufFile(one({}));
    expect(() => parse(file.subarray(0, file.length - 1))).toThrow(
      refusal("Truncated", new RegExp(`has ${file.length - 1} bytes, expected ${file.length} for its tensors`)),
    );
  });
});

const weights = resolve(import.meta.dirname, "../../shared/weights");

describe.skipIf(!existsSync(weights))(
  "real files (skipped where the folder shared/weights is not beside the checkout)",
  () => {
    // Pairs, tensors and tokens as Python's gguf.GGUFReader counts them.
    it.each([
      ["ggml-vocab/ggml-vocab-bert-bge.gguf", 20, 0, 30522],
      ["ggml-vocab/ggml-vocab-deepseek-llm.gguf", 23, 0, 102400],
      ["ggml-vocab/ggml-vocab-gpt-2.gguf", 16, 0, 50257],
      ["ggml-vocab/ggml-vocab-llama-spm.gguf", 22, 0, 32000],
      ["ggml-vocab/ggml-vocab-phi-3.gguf", 26, 0, 32064],
      ["ggml-vocab/ggml-vocab-starcoder.gguf", 19, 0, 49152],
      ["stories260K/stories260K.gguf", 19, 48, 512],
    ])("%s", (name, pairs, count, tokens) => {
      const { metadata, tensors } = parse(readFileSync(resolve(weights, name)));
      expect([metadata.size, tensors.length]).toEqual([pairs, count]);
      expect((metadata.get("tokenizer.ggml.tokens") as string[]).length).toBe(tokens);
    });
  },
);

function decode(quant: QuantName, bytes: Uint8Array): Float32Array {
  const out = new Float32Array(128);
  codecOf(quant, "test").decode(bytes, out);
  return out;
}
