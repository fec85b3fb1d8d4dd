// What the kernel tests build their small programs with: random weights in a file, at awkward offsets.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Batch, CompileOptions, Executable } from "../src/backends/backend.js";
import { MappedFile } from "../src/native.js";
import type { Distances, KvLayer, Op, Program, Rope, State } from "../src/program/ops.js";
import { codecOf, type QuantName, quantOf } from "../src/quants/index.js";
import type { Tensor } from "../src/tensor.js";
import { legalBlocks } from "./reference/blocks.js";
import type { PlainWeight } from "./reference/ops.js";

/** Numbers in [-1, 1), the same in every run. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 31 - 1;
  }
  values(count: number, scale = 1): Float32Array {
    return Float32Array.from({ length: count }, () => this.next() * scale);
  }
}

interface WeightSpec {
  readonly quant: QuantName;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly plain: PlainWeight;
}

/** A program under construction: buffers, weights and ops by number. */
export class TestProgram {
  readonly ops: Op[] = [];
  readonly buffers: { width: number; rows: "tokens" | "outputs" }[] = [];
  readonly ropes: Rope[] = [];
  readonly distances: Distances[] = [];
  readonly layers: KvLayer[] = [];
  readonly states: State[] = [];
  readonly #weights: WeightSpec[] = [];

  constructor(readonly random: Random) {}

  buffer(width: number, rows: "tokens" | "outputs" = "tokens"): number {
    return this.buffers.push({ width, rows }) - 1;
  }

  /** A random weight, or one with these values. */
  weight(quant: QuantName, shape: readonly number[], values?: Float32Array): number {
    const count = shape.reduce((a, b) => a * b, 1);
    const { block, bytes: size } = quantOf(quant);
    const legal = values ? undefined : legalBlocks(quant, count / block, this.random);
    if (legal) return this.blocks(quant, shape, legal);
    const bytes = new Uint8Array((count / block) * size);
    codecOf(quant, "weight").encode!(values ?? this.random.values(count), bytes);
    return this.blocks(quant, shape, bytes);
  }

  /** A weight of these whole blocks, whatever they mean. */
  blocks(quant: QuantName, shape: readonly number[], bytes: Uint8Array): number {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    codecOf(quant, "weight").decode(bytes, values);
    return this.#weights.push({ quant, shape, bytes, plain: { columns: shape.at(-1)!, values } }) - 1;
  }

  /** A buffer whose row for token id i is row i of a random table. */
  input(vocab: number, width: number, values?: Float32Array): number {
    const out = this.buffer(width);
    this.ops.push({ kind: "embed", out, table: this.weight("F32", [vocab, width], values), index: "token", offset: 0 });
    return out;
  }

  get plainWeights(): PlainWeight[] {
    return this.#weights.map(({ plain }) => plain);
  }

  /** The program whose result is `buffer`, for the tokens whose output is wanted. */
  finish(buffer: number): Program {
    const output = this.buffer(this.buffers[buffer]!.width, "outputs");
    this.ops.push({ kind: "select", out: output, x: buffer });
    const weights = this.#weights.map(({ shape }, i) => ({ name: `w${i}`, shape }));
    const { ops, buffers, ropes, distances, layers, states } = this;
    return { ops, buffers, weights, ropes, distances, layers, states, output };
  }

  /** Writes the weights one after another with `gap` odd bytes between them, so that they start at any alignment. */
  tensors(folder: Folder, gap = 1): Tensor[] {
    const parts: Uint8Array[] = [];
    const tensors: Omit<Tensor, "file">[] = [];
    let offset = 0;
    for (const [i, { quant, shape, bytes }] of this.#weights.entries()) {
      parts.push(new Uint8Array(gap), bytes);
      offset += gap;
      tensors.push({ name: `w${i}`, quant, shape, offset, byteLength: bytes.length });
      offset += bytes.length;
    }
    const file = folder.file(Buffer.concat(parts));
    return tensors.map((tensor) => ({ ...tensor, file }));
  }
}

/** Temporary files, mapped; all gone on close. */
export class Folder {
  readonly #path = mkdtempSync(join(tmpdir(), "deadlift-kernels-"));
  readonly #files: MappedFile[] = [];

  file(bytes: Uint8Array): MappedFile {
    const path = join(this.#path, `${this.#files.length}.bin`);
    writeFileSync(path, bytes);
    const file = MappedFile.open(path);
    this.#files.push(file);
    return file;
  }

  close(): void {
    for (const file of this.#files) file.close();
    rmSync(this.#path, { recursive: true });
  }
}

export const options = (more: Partial<CompileOptions> = {}): CompileOptions => ({
  pages: 32,
  pageTokens: 16,
  maxTokens: 256,
  maxOutputs: 256,
  kvType: "f32",
  ...more,
});

/** Spans of fresh sequences: sequence i has pages of its own. */
export function batchOf(spans: readonly { sequence: number; position: number; ids: readonly number[] }[]): Batch {
  const tokens = Int32Array.from(spans.flatMap(({ ids }) => ids));
  return {
    tokens,
    spans: spans.map(({ sequence, position, ids }) => ({
      count: ids.length,
      position,
      // Eight pages each, in an order that is not theirs in memory.
      pages: Int32Array.from({ length: 8 }, (_, i) => sequence * 8 + ((i * 3) % 8)),
    })),
    outputs: Array.from(tokens, (_, token) => ({ token, logits: true })),
  };
}

/** The rows of results of one step. */
export async function runRows(executable: Executable, batch: Batch): Promise<Float32Array[]> {
  return (await executable.run(batch)).map(({ logits }) => logits!);
}
