// A GGUF file with the header of a large vocabulary: 262 thousand tokens and twice as many merges, some 20 MB.

import { array, f32, type GgufTensor, ggufFile, str, u32 } from "./write_gguf.js";

export const longTokens = 262_144;
const merges = 514_906;
/** Magic, version and two counts. */
const startBytes = 24;
const alignment = 32;

const short = {
  "general.architecture": str("llama"),
  "general.name": str("Long Words"),
  "general.license": str("apache-2.0"),
  "llama.block_count": u32(1),
  "llama.context_length": u32(131_072),
  "llama.embedding_length": u32(32),
  "llama.feed_forward_length": u32(32),
  "llama.attention.head_count": u32(2),
  "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
  "tokenizer.ggml.model": str("gpt2"),
};

function tensors(): GgufTensor[] {
  const tensor = (name: string, ...shape: number[]) => ({
    name: `${name}.weight`,
    shape,
    type: 0,
    data: new Uint8Array(4 * shape.reduce((product, size) => product * size, 1)),
  });
  const square = (name: string) => tensor(`blk.0.${name}`, 32, 32);
  const norms = ["blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"].map((name) => tensor(name, 32));
  const squares = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"].map(square);
  return [tensor("token_embd", 64, 32), ...squares, ...norms];
}

/** A pair of metadata: a key and an array of strings. By hand, since a million values take the plain writer ten seconds. */
function strings(key: string, count: number, text: (index: number) => string): Buffer {
  const start = ggufFile({ metadata: { [key]: array("string", [], count) } }).subarray(startBytes);
  const out = Buffer.alloc(start.length + count * 40);
  let at = start.copy(out);
  for (let i = 0; i < count; i++) {
    const length = out.write(text(i), at + 8, "utf8");
    out.writeUInt32LE(length, at);
    at += 8 + length;
  }
  return out.subarray(0, at);
}

/** A pair that makes what follows stand as aligned as at the start of a file. */
function filler(length: number): Buffer {
  const pair = (text: string) => ggufFile({ metadata: { "general.description": str(text) } }).subarray(startBytes);
  const missing = (startBytes - length - pair("").length) % alignment;
  return pair("x".repeat((missing + alignment) % alignment));
}

function make(): Buffer {
  const list = tensors();
  const keyCount = Object.keys(short).length + 3;
  const header = Buffer.concat([
    ggufFile({ metadata: short, keyCount, tensorCount: list.length }),
    strings("tokenizer.ggml.tokens", longTokens, (i) => (i % 3 === 0 ? `▁wörd${i}` : `tok${i}`)),
    strings("tokenizer.ggml.merges", merges, (i) => `tok${i % longTokens} end${i}`),
  ]);
  return Buffer.concat([header, filler(header.length), ggufFile({ tensors: list }).subarray(startBytes)]);
}

let made: Buffer | undefined;

/** The file, made once. */
export function longGguf(): Buffer {
  made ??= make();
  return made;
}
