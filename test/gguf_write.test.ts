// What we write is GGUF: Python's gguf package and our own reader find in it what was meant; and files are whole or not there.

import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { writeAtomically } from "../src/formats/atomic_file.js";
import { parseGguf } from "../src/formats/gguf.js";
import { rawEntries } from "../src/formats/gguf_raw.js";
import { text, u32 } from "../src/formats/gguf_values.js";
import { type GgufPlan, ggufHeader, writeGguf } from "../src/formats/gguf_write.js";
import { tempFolder } from "./reference/temp.js";
import { array, ggufFile, str } from "./reference/write_gguf.js";
import { entries, tensors, writeEverything } from "./reference/written_gguf.js";

interface Read {
  sha256: string;
  alignment: number;
  metadata: [key: string, types: string, value: unknown][];
  tensors: [name: string, type: string, shape: number[], sha256: string][];
}

const python: Read = JSON.parse(readFileSync(new URL("fixtures/convert/written.json", import.meta.url), "utf8"));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const headerFile = (bytes: Uint8Array) => ({
  path: "test.gguf",
  size: bytes.length,
  piece: bytes.length,
  read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
});

async function* piecesOf(...pieces: Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece;
}

describe("a file with everything", () => {
  it.each([1, 10, 1000])("written in pieces of %i bytes is the one that Python read", async (pieceBytes) => {
    const path = join(tempFolder(), "a.gguf");
    const size = await writeEverything(path, pieceBytes);
    const bytes = readFileSync(path);
    expect(bytes.length).toBe(size);
    expect(sha256(bytes)).toBe(python.sha256);
  });

  it("holds for Python what was meant", () => {
    const meant = entries.map((entry) => {
      if (entry.type === "raw") return [];
      const kind = (name: string) => (name === "string" ? "STRING" : name === "bool" ? "BOOL" : longNames[name]);
      const types = entry.type === "array" ? `ARRAY/${kind(entry.of)}` : kind(entry.type);
      const wide = (value: unknown) => (typeof value === "bigint" || (value as number) > 2 ** 40 ? `${value}` : value);
      const plain = (value: unknown) => wide(types?.includes("FLOAT32") ? Math.fround(value as number) : value);
      const value = entry.type === "array" ? Array.from(entry.value as ArrayLike<unknown>, plain) : plain(entry.value);
      return [entry.key, types, entry.type === "array" && entry.of === "u64" ? ["1", `${2 ** 53}`] : value];
    });
    const found = python.metadata.map(([key, types, value]) =>
      key === "list.u64" ? [key, types, (value as (string | number)[]).map(String)] : [key, types, value],
    );
    expect(found).toEqual(meant);
    expect(python.tensors).toEqual(tensors.map(({ name, quant, shape, bytes }) => [name, quant, shape, sha256(bytes)]));
  });

  it("holds for our own reader what was meant", async () => {
    const path = join(tempFolder(), "a.gguf");
    await writeEverything(path, 1000);
    const bytes = readFileSync(path);
    const header = parseGguf(bytes, bytes.length, path);
    expect(header.version).toBe(3);
    expect([...header.metadata.keys()]).toEqual(entries.map(({ key }) => key));
    expect(header.metadata.get("a.text")).toBe("Grüße, 世界 🦙\n\0");
    expect(header.metadata.get("a.u64")).toBe(2n ** 64n - 1n);
    expect(header.metadata.get("list.bool")).toEqual([true, false, true]);
    expect(header.metadata.get("list.f32")).toEqual(Float32Array.of(-1000, 0.5));
    for (const [i, { name, quant, shape, offset, byteLength }] of header.tensors.entries()) {
      expect({ name, quant, shape }).toEqual((({ name, quant, shape }) => ({ name, quant, shape }))(tensors[i]!));
      expect(offset % 64).toBe(0);
      expect(Buffer.from(bytes.subarray(offset, offset + byteLength))).toEqual(Buffer.from(tensors[i]!.bytes));
    }
  });

  it("is copied to the byte from its raw metadata", async () => {
    const path = join(tempFolder(), "a.gguf");
    await writeEverything(path, 1000);
    const bytes = readFileSync(path);
    const copy = ggufHeader({ entries: await rawEntries(headerFile(bytes)), tensors, alignment: 64 });
    expect(Buffer.from(copy)).toEqual(bytes.subarray(0, copy.length));
  });
});

const longNames: Record<string, string> = {
  u8: "UINT8",
  i8: "INT8",
  u16: "UINT16",
  i16: "INT16",
  u32: "UINT32",
  i32: "INT32",
  f32: "FLOAT32",
  u64: "UINT64",
  i64: "INT64",
  f64: "FLOAT64",
};

describe("raw metadata", () => {
  it("keeps bytes that are not UTF-8, nested arrays, and what stands after them", async () => {
    const file = ggufFile({
      version: 2,
      metadata: {
        broken: array("string", [Uint8Array.of(0xff, 0x61), "a"]),
        nested: array("array", [array("string", ["x", "yz"]), array("u16", [1, 2])]),
        last: str("end"),
      },
    });
    const copied = await rawEntries(headerFile(file));
    expect(copied.map(({ key }) => key)).toEqual(["broken", "nested", "last"]);
    const again = Buffer.from(ggufHeader({ entries: copied, tensors: [] }));
    expect(parseGguf(again, again.length, "copy").metadata).toEqual(parseGguf(file, file.length, "file").metadata);
    expect(again.includes(Buffer.of(0xff, 0x61))).toBe(true);
  });

  it("writes strings back as the reader could not read them", () => {
    const file = ggufFile({ metadata: { broken: str(Uint8Array.of(0x61, 0xe2, 0x82, 0x62)) } });
    const value = parseGguf(file, file.length, "file").metadata.get("broken") as string;
    const header = Buffer.from(ggufHeader({ entries: [text("broken", value)], tensors: [] }));
    expect(header.includes(Buffer.of(0x61, 0xe2, 0x82, 0x62))).toBe(true);
  });

  it("of version 1 is refused", async () => {
    const file = headerFile(ggufFile({ version: 1, metadata: { key: str("value") } }));
    await expect(rawEntries(file)).rejects.toMatchObject({
      code: "InvalidGguf",
      message: expect.stringMatching(/version 1/),
    });
  });
});

const plan: GgufPlan = {
  entries: [u32("general.alignment", 32)],
  tensors: [
    { name: "empty", quant: "F32", shape: [0, 4] },
    { name: "a", quant: "F32", shape: [4] },
    { name: "nothing", quant: "F32", shape: [0] },
  ],
};
const whole = new Uint8Array(16).fill(7);

describe("whole or not at all", () => {
  it("asks for the next piece when the one before is written, and says how far it is", async () => {
    const path = join(tempFolder(), "a.gguf");
    const shared = new Uint8Array(8);
    async function* reused() {
      yield shared.fill(1);
      yield shared.fill(2);
    }
    const progress: number[][] = [];
    const size = await writeGguf(path, plan, reused(), { onProgress: (done, total) => progress.push([done, total]) });
    expect([...readFileSync(path).subarray(-32, -16)]).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
    expect(progress.map(([done]) => done)).toEqual([0, size - 32, size - 24, size]);
    expect(new Set(progress.map(([, total]) => total))).toEqual(new Set([size]));
  });

  it.each([
    ["too few bytes", [whole.subarray(0, 8)], /fewer bytes/],
    ["too many bytes", [whole, whole], /more bytes/],
    ["a piece across two tensors", [new Uint8Array(20)], /more bytes/],
  ])("refuses %s and leaves what was there", async (_, pieces, message) => {
    const folder = tempFolder({ "a.gguf": "before" });
    const written = writeGguf(join(folder, "a.gguf"), plan, piecesOf(...pieces));
    await expect(written).rejects.toMatchObject({ code: "Internal", message: expect.stringMatching(message) });
    expect(readdirSync(folder)).toEqual(["a.gguf"]);
    expect(readFileSync(join(folder, "a.gguf"), "utf8")).toBe("before");
  });

  it("leaves nothing when its source fails", async () => {
    const folder = tempFolder();
    async function* failing() {
      yield whole;
      throw new TypeError("no more");
    }
    await expect(writeGguf(join(folder, "a.gguf"), plan, failing())).rejects.toThrow(TypeError);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("leaves nothing when it is aborted, and ends its source", async () => {
    const folder = tempFolder();
    const controller = new AbortController();
    let ended = false;
    async function* source() {
      try {
        yield whole.subarray(0, 8);
        controller.abort(new Error("enough"));
        yield whole.subarray(8);
      } finally {
        ended = true;
      }
    }
    const written = writeGguf(join(folder, "a.gguf"), plan, source(), { signal: controller.signal });
    await expect(written).rejects.toMatchObject({ code: "Aborted", cause: { message: "enough" } });
    expect(readdirSync(folder)).toEqual([]);
    expect(ended).toBe(true);
  });

  it("does not replace what it is made from, by whatever name", async () => {
    const folder = tempFolder({ "in.gguf": "weights" });
    const input = join(folder, "in.gguf");
    symlinkSync(input, join(folder, "link.gguf"));
    linkSync(input, join(folder, "same.gguf"));
    for (const name of ["in.gguf", "./in.gguf", "link.gguf", "same.gguf"]) {
      const written = writeGguf(join(folder, name), plan, piecesOf(whole), { inputs: [input] });
      await expect(written, name).rejects.toMatchObject({
        code: "InvalidArgument",
        message: expect.stringMatching(/made from/),
      });
    }
    expect(readFileSync(input, "utf8")).toBe("weights");
    expect(readdirSync(folder)).toHaveLength(3);
  });

  it("says where it cannot write", async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, "sub"));
    const write = (path: string) => writeGguf(path, plan, piecesOf(whole));
    await expect(write(join(folder, "sub"))).rejects.toMatchObject({
      code: "InvalidArgument",
      message: expect.stringMatching(/a file/),
    });
    await expect(write(join(folder, "no/a.gguf"))).rejects.toMatchObject({
      code: "FileUnwritable",
      message: expect.stringMatching(/no\/a/),
    });
  });

  it("refuses at once what the disk has no room for", async () => {
    const folder = tempFolder();
    const huge = { entries: [], tensors: [{ name: "a", quant: "F32", shape: [2 ** 49] }] } satisfies GgufPlan;
    const written = writeGguf(join(folder, "a.gguf"), huge, piecesOf());
    await expect(written).rejects.toMatchObject({
      code: "NoSpace",
      message: expect.stringMatching(/bytes of free space.*has \d+ left/),
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(["ENOSPC", "EDQUOT"])("calls %s NoSpace", async (code) => {
    const folder = tempFolder();
    const full = () => Promise.reject(Object.assign(new Error("no space left on device"), { code }));
    await expect(writeAtomically(join(folder, "a"), {}, full)).rejects.toMatchObject({ code: "NoSpace" });
    expect(existsSync(join(folder, "a"))).toBe(false);
  });

  it("replaces a file of that name", async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, "a.gguf"), "before");
    await writeGguf(join(folder, "a.gguf"), plan, piecesOf(whole));
    expect(readFileSync(join(folder, "a.gguf")).subarray(0, 4).toString()).toBe("GGUF");
    expect(readdirSync(folder)).toEqual(["a.gguf"]);
  });
});
