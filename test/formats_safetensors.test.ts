// safetensors: what a valid file gives, and the exact refusal of each thing that can be wrong with one.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { keyTrouble } from "../src/formats/json_keys.js";
import { headerLength, maxHeaderBytes, parseHeader, type SafetensorsHeader } from "../src/formats/safetensors.js";
import { maxTensors } from "../src/formats/sizes.js";
import { type QuantName, quantOf } from "../src/quants/index.js";
import { floatsFile, safetensorsFile } from "./reference/write_safetensors.js";

function parse(file: Uint8Array, size = file.length): SafetensorsHeader {
  const length = headerLength(file.subarray(0, 8), size, "test.safetensors");
  return parseHeader(file.subarray(8, 8 + length), size, "test.safetensors");
}

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

const entry = (dtype: string, shape: readonly unknown[], from: number, to: number) => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

describe("valid files", () => {
  it("give names, shapes and places", () => {
    const { tensors, metadata } = parse(floatsFile({ a: [2, 3], b: [4] }, { format: "pt" }));
    expect(metadata).toEqual(new Map([["format", "pt"]]));
    expect(tensors).toMatchObject([
      { name: "a", quant: "F32", shape: [2, 3], byteLength: 24 },
      { name: "b", quant: "F32", shape: [4], byteLength: 16 },
    ]);
    expect(tensors[1]!.offset - tensors[0]!.offset).toBe(24);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])("may start their data at any byte (%i)", (padding) => {
    const file = safetensorsFile({ a: entry("F32", [1], 0, 4) }, Buffer.from([0, 0, 128, 63]), padding);
    const [a] = parse(file).tensors;
    expect(file.readFloatLE(a!.offset)).toBe(1);
  });

  it("may hold scalars, empty tensors and nothing at all", () => {
    const both = { s: entry("F32", [], 0, 4), e: entry("F32", [0, 7], 4, 4), f: entry("F32", [0], 0, 0) };
    expect(parse(safetensorsFile(both, Buffer.alloc(4))).tensors.map(({ byteLength }) => byteLength)).toEqual([
      4, 0, 0,
    ]);
    expect(parse(safetensorsFile({})).tensors).toEqual([]);
    expect(parse(safetensorsFile({ __metadata__: null })).metadata.size).toBe(0);
  });

  it("may list tensors in another order than their bytes, with fields we do not know", () => {
    const header = { b: entry("U8", [2], 3, 5), a: { ...entry("U8", [3], 0, 3), note: { dtype: "x" } } };
    expect(parse(safetensorsFile(header, Buffer.alloc(5))).tensors.map(({ name }) => name)).toEqual(["b", "a"]);
  });

  it("may use names that mean something to JavaScript", () => {
    const names = ["__proto__", "constructor", "toString", "0", "", "ä\u0000\n", '"', "\\"];
    const text = `{${names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(entry("U8", [1], i, i + 1))}`)}}`;
    expect(
      parse(safetensorsFile(text, Buffer.alloc(names.length)))
        .tensors.map(({ name }) => name)
        .sort(),
    ).toEqual(names.sort());
  });

  it("hold types that cannot be run, packed ones too", () => {
    const header = { p: entry("F4", [3, 2], 0, 3), q: entry("F6_E2M3", [4], 3, 6), ids: entry("I64", [1, 2], 6, 22) };
    const { tensors } = parse(safetensorsFile(header, Buffer.alloc(22)));
    expect(tensors.map(({ quant }) => quant)).toEqual(["F4", "F6_E2M3", "I64"]);
  });

  // What safetensors 0.8.0 lists when a file has another, and the names that @huggingface/hub 2.17.5 has besides.
  it.each([
    ...["BOOL", "F4", "F6_E2M3", "F6_E3M2", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"],
    ...["I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64"],
  ])("hold %s by that name", (dtype) => {
    const { bytes, block } = quantOf(dtype as QuantName);
    const size = (24 * bytes) / block;
    const { tensors } = parse(safetensorsFile({ a: entry(dtype, [2, 12], 0, size) }, Buffer.alloc(size)));
    expect(tensors).toMatchObject([{ quant: dtype, shape: [2, 12], byteLength: size }]);
  });

  it.each([
    ["E8M0", "F8_E8M0", 24],
    ["UE8", "F8_E8M0", 24],
    ["FP4", "F4", 12],
  ])("may call %s what is %s", (dtype, quant, size) => {
    const { tensors } = parse(safetensorsFile({ a: entry(dtype, [2, 12], 0, size) }, Buffer.alloc(size)));
    expect(tensors).toMatchObject([{ quant, shape: [2, 12], byteLength: size }]);
  });

  it("written by Python hold every dtype", () => {
    const { tensors } = parse(readFileSync(new URL("fixtures/formats/types.safetensors", import.meta.url)));
    const dtypes = Object.fromEntries(tensors.map(({ name, quant }) => [name, quant]));
    expect(dtypes).toEqual({
      bfloat16: "BF16",
      bool: "BOOL",
      complex64: "C64",
      empty: "F32",
      float16: "F16",
      float32: "F32",
      float64: "F64",
      float8_e4m3fn: "F8_E4M3",
      float8_e5m2: "F8_E5M2",
      int16: "I16",
      int32: "I32",
      int64: "I64",
      int8: "I8",
      scalar: "F32",
      uint16: "U16",
      uint32: "U32",
      uint64: "U64",
      uint8: "U8",
    });
  });
});

describe("headers", () => {
  const ok = entry("F32", [1], 0, 4);
  const withEntry = (fields: object) => safetensorsFile({ a: { ...ok, ...fields } }, Buffer.alloc(4));

  const cases: [string, () => Uint8Array, string, RegExp][] = [
    ["fewer than ten bytes", () => Buffer.alloc(9), "Truncated", /has 9 bytes, expected at least 10/],
    ["a length of zero", () => Buffer.alloc(16), "InvalidSafetensors", /at least 2 bytes.*received 0/],
    [
      "a length beyond the file",
      () => Buffer.from([99, 0, 0, 0, 0, 0, 0, 0, 123, 125]),
      "Truncated",
      /has 10 bytes, expected 107/,
    ],
    [
      "a length beyond the limit",
      () => length(maxHeaderBytes + 1),
      "LimitExceeded",
      /at most 100000000 bytes.*received 100000001/,
    ],
    ["a length of 2^64 - 1", () => length(2n ** 64n - 1n), "LimitExceeded", /received 18446744073709552000/],
    ["no brace at the start", () => safetensorsFile(' {"a":1}'), "InvalidSafetensors", /does not start with "\{"/],
    ["a list", () => safetensorsFile("[]"), "InvalidSafetensors", /does not start/],
    ["text after the object", () => safetensorsFile("{} x"), "InvalidSafetensors", /not JSON/],
    ["bytes that are not UTF-8", () => badUtf8(), "InvalidSafetensors", /not UTF-8/],
    ["half an object", () => safetensorsFile('{"a":'), "InvalidSafetensors", /not JSON/],
    ["a string without end", () => safetensorsFile('{"a'), "InvalidSafetensors", /not JSON/],
    ["nesting", () => safetensorsFile('{"a":'.repeat(50_000)), "InvalidSafetensors", /nested more than 8 deep/],
    ["nested lists", () => safetensorsFile(`{"a":${"[".repeat(50_000)}`), "InvalidSafetensors", /nested more than 8/],
    ["a tensor twice", () => twice('"a"', '"a"'), "InvalidSafetensors", /the key "a" is given twice/],
    ["a tensor twice, spelled apart", () => twice('"a"', '"\\u0061"'), "InvalidSafetensors", /"a" is given twice/],
    [
      "a field twice",
      () => safetensorsFile('{"a":{"dtype":"F32","dtype":"F32"}}'),
      "InvalidSafetensors",
      /"dtype" is given twice/,
    ],
    [
      "metadata twice",
      () => safetensorsFile('{"__metadata__":{"k":"1","k":"2"}}'),
      "InvalidSafetensors",
      /"k" is given twice/,
    ],
    [
      "metadata that is no object",
      () => safetensorsFile({ __metadata__: "x" }),
      "InvalidSafetensors",
      /object of strings for __metadata__/,
    ],
    [
      "metadata of numbers",
      () => safetensorsFile({ __metadata__: { n: 1 } }),
      "InvalidSafetensors",
      /a string for __metadata__ "n".*received 1/,
    ],
    ["an entry that is no object", () => safetensorsFile({ a: [1] }), "InvalidSafetensors", /an object for tensor "a"/],
    [
      "no dtype",
      () => withEntry({ dtype: undefined }),
      "InvalidSafetensors",
      /the dtype of tensor "a", received undefined/,
    ],
    ["a dtype of another kind", () => withEntry({ dtype: 7 }), "InvalidSafetensors", /dtype of tensor "a", received 7/],
    [
      "a dtype nobody knows",
      () => withEntry({ dtype: "F7" }),
      "UnsupportedQuant",
      /dtype "F7", which safetensors does not define/,
    ],
    ["a dtype of GGUF", () => withEntry({ dtype: "Q4_0" }), "UnsupportedQuant", /"Q4_0"/],
    ["no shape", () => withEntry({ shape: undefined }), "InvalidSafetensors", /list of sizes.*received undefined/],
    ["a negative size", () => withEntry({ shape: [-1] }), "InvalidSafetensors", /received \[-1\]/],
    ["half a size", () => withEntry({ shape: [0.5] }), "InvalidSafetensors", /received \[0.5\]/],
    ["a size as text", () => withEntry({ shape: ["1"] }), "InvalidSafetensors", /list of sizes/],
    ["a product beyond 2^53", () => withEntry({ shape: [2 ** 40, 2 ** 40] }), "InvalidSafetensors", /below 2\^53/],
    [
      "a product that is 0 in 64 bits",
      () => withEntry({ shape: [2 ** 32, 2 ** 32] }),
      "InvalidSafetensors",
      /below 2\^53/,
    ],
    ["2^53 bytes", () => withEntry({ shape: [2 ** 51] }), "InvalidSafetensors", /below 2\^53/],
    ["an endless size", () => endless(), "InvalidSafetensors", /list of sizes/],
    ["five values of six bits", () => withEntry({ dtype: "F6_E2M3", shape: [5] }), "InvalidSafetensors", /whole bytes/],
    ["half a byte", () => withEntry({ dtype: "F4", shape: [1] }), "InvalidSafetensors", /whole bytes/],
    [
      "nine dimensions",
      () => withEntry({ shape: Array(9).fill(1) }),
      "LimitExceeded",
      /at most 8 dimensions.*received 9/,
    ],
    ["a negative offset", () => withEntry({ data_offsets: [-4, 0] }), "InvalidSafetensors", /received \[-4,0\]/],
    ["half an offset", () => withEntry({ data_offsets: [0.5, 4.5] }), "InvalidSafetensors", /\[start, end\]/],
    ["three offsets", () => withEntry({ data_offsets: [0, 4, 8] }), "InvalidSafetensors", /\[start, end\]/],
    ["one offset", () => withEntry({ data_offsets: [0] }), "InvalidSafetensors", /\[start, end\]/],
    [
      "offsets beyond 2^53",
      () => withEntry({ data_offsets: [2 ** 60, 2 ** 60 + 4] }),
      "InvalidSafetensors",
      /\[start, end\]/,
    ],
    [
      "offsets the wrong way",
      () => withEntry({ data_offsets: [4, 0] }),
      "InvalidSafetensors",
      /expected 4 bytes .* span -4/,
    ],
    [
      "too few bytes for its shape",
      () => withEntry({ data_offsets: [0, 3] }),
      "InvalidSafetensors",
      /expected 4 bytes.*span 3/,
    ],
  ];

  it.each(cases)("with %s are refused", (_, file, code, message) => {
    expect(() => parse(file())).toThrow(refusal(code, message));
  });

  it("with too many tensors are refused", () => {
    const names = Array.from({ length: maxTensors + 1 }, (_, i) => `"${i}":0`);
    expect(() => parse(safetensorsFile(`{${names}}`))).toThrow(refusal("LimitExceeded", /at most 250000 tensors/));
  });
});

describe("the bytes after the header", () => {
  const two = (from: number, to: number) => ({ a: entry("U8", [4], 0, 4), b: entry("U8", [to - from], from, to) });

  it("may not belong to two tensors", () => {
    expect(() => parse(safetensorsFile(two(3, 8), Buffer.alloc(8)))).toThrow(
      refusal("InvalidSafetensors", /"b" overlaps/),
    );
  });

  it("may not belong to none", () => {
    expect(() => parse(safetensorsFile(two(5, 8), Buffer.alloc(8)))).toThrow(
      refusal("InvalidSafetensors", /a hole of 1 bytes before tensor "b"/),
    );
    expect(() => parse(safetensorsFile(two(4, 8), Buffer.alloc(9)))).toThrow(
      refusal("InvalidSafetensors", /bytes of no tensor at the end/),
    );
  });

  it("must all be there", () => {
    const file = safetensorsFile(two(4, 8), Buffer.alloc(8));
    const cut = file.subarray(0, file.length - 3);
    expect(() => parse(cut)).toThrow(
      refusal("Truncated", new RegExp(`has ${cut.length} bytes, expected ${file.length} for its tensors`)),
    );
  });
});

describe("keyTrouble", () => {
  it("tells keys from values and objects from each other", () => {
    expect(keyTrouble('{"a":"b","b":"a","c":{"a":1},"d":[{"a":1},{"a":2}]}', 8)).toBeUndefined();
    expect(keyTrouble('{"a" \n: 1, "x": {"a\\"":1,"a\\"" :2}}', 8)).toBe('the key "a"" is given twice');
    expect(keyTrouble('{"\\\\":1,"\\\\":1}', 8)).toMatch(/twice/);
  });
});

const weights = resolve(import.meta.dirname, "../../shared/weights");

describe.skipIf(!existsSync(weights))(
  "real files (skipped where the folder shared/weights is not beside the checkout)",
  () => {
    const files = ["safetensors-samples", "malformed"].flatMap((folder) =>
      existsSync(join(weights, folder))
        ? readdirSync(join(weights, folder)).map((name) => join(weights, folder, name))
        : [],
    );
    const samples = files.filter((path) => path.includes("samples") && path.endsWith(".safetensors"));

    it("samples of each dtype open", () => {
      const found = samples.map((path) => parse(readFileSync(path)));
      expect(found.length).toBe(10);
      expect(new Set(found.flatMap(({ tensors }) => tensors.map(({ quant }) => quant))).size).toBe(9);
    });

    it("a download cut short says both sizes", () => {
      const path = files.find((file) => file.includes("truncated"))!;
      expect(() => parse(readFileSync(path))).toThrow(refusal("Truncated", /has 851968 bytes, expected 90868376/));
    });
  },
);

function length(value: number | bigint): Buffer {
  const file = Buffer.alloc(16, "{}");
  file.writeBigUInt64LE(BigInt(value));
  return file;
}

/** JSON reads numbers that are too large as Infinity. */
function endless(): Buffer {
  return safetensorsFile('{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}', Buffer.alloc(4));
}

function twice(first: string, second: string): Buffer {
  const fields = JSON.stringify(entry("F32", [1], 0, 4));
  return safetensorsFile(`{${first}:${fields},${second}:${fields}}`, Buffer.alloc(4));
}

function badUtf8(): Buffer {
  const file = safetensorsFile({ abc: entry("U8", [0], 0, 0) });
  file[10] = 0xff;
  return file;
}
