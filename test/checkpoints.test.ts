// Quantised Hugging Face checkpoints run as published: logits and greedy ids of what the libraries themselves unpack
// (fixtures and their script are in test/fixtures/checkpoints), on every instruction set of this machine.

import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "../src/backends/cpu.js";
import { compile } from "../src/compile.js";
import { mxfp4Blocks } from "../src/formats/checkpoints/floats.js";
import { unpackable } from "../src/formats/checkpoints/index.js";
import { Module } from "../src/formats/checkpoints/module.js";
import { openModel } from "../src/formats/open.js";
import { inspectModel } from "../src/index.js";
import { MappedFile, native } from "../src/native.js";
import { isPacked } from "../src/packed.js";
import { codecOf } from "../src/quants/index.js";
import { type RepackProgress, repackAll } from "../src/repack.js";
import type { Tensor } from "../src/tensor.js";
import { floats, largestDifference, readJson, withRunner } from "./reference/runner.js";
import { isas } from "./reference/targets.js";
import { tempFolder } from "./reference/temp.js";

const fixtures = resolve(import.meta.dirname, "fixtures/checkpoints");
const names = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Golden {
  readonly prompt: number[];
  readonly logits: string;
  readonly greedy: number[];
}

describe.each(isas)("on %s", (isa) => {
  it.each(names)("%s: logits and greedy ids are those of the library", async (name) => {
    const golden = readJson<Golden>(join(fixtures, name, "golden.json"));
    await withRunner(join(fixtures, name), { isa, kvType: "f32" }, async (run) => {
      const rows = await run.logits(golden.prompt);
      const all = Float32Array.from(rows.flatMap((row) => [...row]));
      // Integers meet activations rounded to 16 bits, and F32 scales of theirs keep 16 bits of the mantissa.
      const tolerance = /fp8|nf4|^fp4|actorder|desc/.test(name) ? 2e-4 : 4e-3;
      expect(largestDifference(all, floats(golden.logits))).toBeLessThan(tolerance);
      expect(await run.greedy(golden.prompt, golden.greedy.length)).toEqual(golden.greedy);
    });
  });
});

/** What the weights of the seven matrices become. */
const becomes: Record<string, string> = {
  "fp8-blocks": "F8_SCALED",
  "fp8-ue8m0": "F8_SCALED",
  "ct-fp8-channel": "F8_SCALED",
  "ct-fp8-tensor": "F8_SCALED",
  "ct-int4": "U4_SCALED",
  "ct-int4-asym": "U4_SCALED",
  "ct-int4-actorder": "BF16",
  "ct-mxfp4": "MXFP4",
  "ct-w8": "U8_SCALED",
  "gptq-4": "Q4_0",
  "gptq-4-asym": "U4_SCALED",
  "gptq-4-desc": "F16",
  "gptq-8": "Q8_0",
  "gptq-3-v2": "U4_SCALED",
  awq: "U4_SCALED",
  nf4: "NF4",
  fp4: "FP4",
  int8: "U8_SCALED",
  "deepseek-fp8": "F8_SCALED",
  "qwen3-moe-int4": "U4_SCALED",
  "gpt-oss": "MXFP4 BF16", // biases, too: those of gate and up lie in turns
};

/** How many weights, where it is not the seven matrices of a layer. */
const madeWeights: Record<string, number> = {
  "fp8-blocks": 5, // blocks have 128 rows, keys and values fewer: they are not quantised
  "deepseek-fp8": 2 * 5 + 3 + 3 + 3 * 4, // attention of two layers, a network, that for all tokens, and four experts
  "qwen3-moe-int4": 2 * (4 + 3 * 4),
  "gpt-oss": 2 * 5,
};

describe("what they become", () => {
  it("every fixture is told", () => expect(Object.keys(becomes).sort()).toEqual([...names].sort()));

  it.each(Object.entries(becomes))("%s: %s, which inspection counts as memory", async (name, quant) => {
    const path = join(fixtures, name);
    const opened = await openModel(path);
    const compiled = await compile(opened, { threads: 1 });
    const found = [...new Set(unpackable(compiled.program, opened).values())];
    const packed = found.filter((weight) => isPacked(weight));
    expect(packed).toHaveLength(madeWeights[name] ?? 7);
    expect([...new Set(packed.map((weight) => weight.quant))].join(" ")).toBe(quant);
    const inspection = await inspectModel(path);
    expect(inspection).toMatchObject({ supported: true, problem: undefined });
    expect(inspection.memory.weights).toBe(found.reduce((sum, { byteLength }) => sum + byteLength, 0));
    await compiled.dispose();
    opened.close();
  });

  it("tells how far it is, and gives all memory back", async () => {
    const before = native().filesMapped();
    const opened = await openModel(join(fixtures, "gptq-4"));
    const seen: RepackProgress[] = [];
    const compiled = await compile(
      opened,
      { device: "cpu", threads: 1 },
      { onProgress: (progress) => seen.push(progress as RepackProgress) },
    );
    expect(native().filesMapped()).toBe(before + 1 + 7);
    await compiled.dispose();
    opened.close();
    expect(native().filesMapped()).toBe(before);
    expect(seen.map(({ stage }) => stage)).toEqual(Array(8).fill("repack"));
    expect(seen[0]!.bytes).toBe(0);
    expect(seen.at(-1)!.bytes).toBe(seen[0]!.totalBytes);
    expect(seen.map(({ bytes }) => bytes)).toEqual(seen.map(({ bytes }) => bytes).sort((a, b) => a - b));
  });

  it("stops when it is told to, and gives all memory back", async () => {
    const before = native().filesMapped();
    const opened = await openModel(join(fixtures, "nf4"));
    const controller = new AbortController();
    let calls = 0;
    const onProgress = () => ++calls === 3 && controller.abort();
    const loading = compile(opened, { threads: 1 }, { signal: controller.signal, onProgress });
    await expect(loading).rejects.toThrow(expect.objectContaining({ code: "Aborted" }));
    expect(calls).toBe(3);
    opened.close();
    expect(native().filesMapped()).toBe(before);
  });

  it("counts the parameters of packed experts, and the memory of what they become", async () => {
    const { parameters, dtypes, memory } = await inspectModel(join(fixtures, "gpt-oss"));
    // What torch counts; 3 matrices of 64 * 32 for each of 4 experts in 2 layers.
    const packed = 2 * 4 * 3 * 64 * 32;
    expect(dtypes).toEqual({ U8: packed, BF16: 92368 - packed });
    expect(parameters).toBe(92368);
    const gguf = await inspectModel(resolve(fixtures, "../models/gpt-oss-mxfp4.gguf"));
    expect(gguf).toMatchObject({ parameters: 92368, supported: true, problem: undefined });
    expect(gguf.dtypes.MXFP4).toBe(packed);
    const blocks = (packed / 32) * 17;
    expect(memory.weights).toBe(blocks + 2 * (92368 - packed));
  });

  it("experts of gpt-oss become MXFP4 with the values that transformers unpacks", async () => {
    const golden = readJson<{ shape: number[]; blocks: string; scales: string; values: string }>(
      join(fixtures, "mxfp4.json"),
    );
    const [experts, rows, groups] = golden.shape as [number, number, number];
    const bytes = [golden.blocks, golden.scales].map((part) => Buffer.from(part, "base64"));
    const file = MappedFile.open(join(tempFolder({ parts: Buffer.concat(bytes) }), "parts"));
    const part = (name: string, offset: number, byteLength: number): Tensor => {
      return { name, quant: "U8", shape: [byteLength], file, offset, byteLength };
    };
    const blocks = part("blocks", 0, bytes[0]!.length);
    const scales = part("scales", bytes[0]!.length, bytes[1]!.length);
    const shape = { rows: experts * rows, columns: groups * 32 };
    const parts = { blocks, scales, first: 0, every: 1 };
    const weight = mxfp4Blocks(new Module<Tensor>("experts.gate_up_proj"), shape, parts);
    for (const isa of native().cpuInfo().isas) {
      const backend = new CpuBackend({ threads: 2, isa });
      const repacked = await repackAll([weight], backend, {});
      const [tensor] = repacked.weights;
      expect(tensor).toMatchObject({ quant: "MXFP4", shape: [40, 96], byteLength: 40 * 3 * 17 });
      const values = new Float32Array(40 * 96);
      codecOf("MXFP4", "it").decode(tensor!.file.bytes(0, tensor!.byteLength), values);
      expect(largestDifference(values, floats(golden.values))).toBe(0);
      repacked[Symbol.dispose]();
      await backend.dispose();
    }
    file.close();
  });
});
