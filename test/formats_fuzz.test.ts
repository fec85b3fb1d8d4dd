// Thousands of damaged files: each opens or is refused with a code, quickly, in bounded memory, and leaves nothing mapped.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configFromJson } from "../src/formats/config.js";
import { parseGguf } from "../src/formats/gguf.js";
import { openModel } from "../src/formats/open.js";
import { headerLength, parseHeader } from "../src/formats/safetensors.js";
import type { TensorInfo } from "../src/formats/sizes.js";
import { native } from "../src/native.js";
import { quantOf } from "../src/quants/index.js";
import { type Random, seeded } from "./reference/random.js";
import { tempFolder } from "./reference/temp.js";
import { array, f32, ggufFile, str, u32 } from "./reference/write_gguf.js";
import { floatsFile, safetensorsFile } from "./reference/write_safetensors.js";

const rounds = 2000;
const roundsMapped = 250;
/** Far above what one of these files of some KB may take, far below what one lying count could ask for. */
const maxGrowth = 256 * 2 ** 20;
const codes =
  /^(NotAModel|Truncated|InvalidSafetensors|InvalidGguf|LimitExceeded|UnsupportedQuant|InvalidConfig|UnsupportedArchitecture|LfsPointer|FileNotFound|MissingTensor)$/;

const config = {
  model_type: "llama",
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 16,
};

const safetensors = [
  floatsFile(
    { "model.embed_tokens.weight": [16, 8], "model.norm.weight": [8], "lm_head.weight": [16, 8] },
    { format: "pt" },
  ),
  floatsFile(
    Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`model.layers.${i}.mlp.up_proj.weight`, [1, i]])),
  ),
];

const tensors = [
  { name: "token_embd.weight", shape: [16, 32], type: 8, data: new Uint8Array(16 * 34) },
  { name: "output_norm.weight", shape: [32], type: 0, data: new Uint8Array(128) },
  { name: "rope_freqs.weight", shape: [8], type: 0, data: new Uint8Array(new Float32Array(8).fill(1).buffer) },
];
const metadata = {
  "general.architecture": str("llama"),
  "general.alignment": u32(32),
  "llama.embedding_length": u32(32),
  "llama.feed_forward_length": u32(64),
  "llama.block_count": u32(1),
  "llama.attention.head_count": u32(2),
  "llama.context_length": u32(32),
  "llama.attention.layer_norm_rms_epsilon": f32(1e-5),
  "tokenizer.ggml.tokens": array("string", ["<s>", "a", "▁b", "\ufeff"]),
  "tokenizer.ggml.scores": array("f32", [0, -1, -2, -3]),
  nested: array("array", [array("u64", [1, 2]), array("bool", [1, 0])]),
};
const ggufs = [1, 2, 3].map((version) => ggufFile({ version, metadata, tensors }));

const interesting = [
  0n,
  1n,
  2n,
  7n,
  8n,
  31n,
  255n,
  2n ** 15n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** One to four damages of bytes: flips, numbers, cuts, repeats. */
function damage(file: Buffer, random: Random): Buffer {
  let out = Buffer.from(file);
  for (let times = 1 + random.integer(4); times > 0 && out.length > 8; times--) {
    const at = random.integer(out.length - 8);
    const kind = random.integer(6);
    if (kind === 0) out[at] = random.integer(256);
    else if (kind === 1) out.writeUInt32LE(Number(random.pick(interesting) % 2n ** 32n), at);
    else if (kind === 2) out.writeBigUInt64LE(random.pick(interesting), at);
    else if (kind === 3) out = out.subarray(0, random.integer(out.length));
    else if (kind === 4) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + random.integer(16))]);
    else out = Buffer.concat([out.subarray(0, at + 8), out.subarray(at)]);
  }
  return out;
}

const jsonWords = [
  "0",
  "-1",
  "1e999",
  "9007199254740993",
  "18446744073709551615",
  "null",
  "[]",
  "{}",
  '""',
  '"F16"',
  '"\\ud800"',
  "[[[]]]",
  "true",
  '"__metadata__"',
];

/** Damages the meaning and keeps the form: other values and names in a header that stays JSON. */
function damageJson(file: Buffer, random: Random): Buffer {
  const length = Number(file.readBigUInt64LE(0));
  let text = file.toString("utf8", 8, 8 + length);
  for (let times = 1 + random.integer(3); times > 0; times--) {
    const words = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+|\[[^[\]]*\]/g)];
    if (words.length === 0) break;
    const { index, 0: word } = random.pick(words);
    text = text.slice(0, index) + random.pick([...jsonWords, random.pick(words)[0]]) + text.slice(index + word.length);
  }
  return safetensorsFile(text, file.subarray(8 + length));
}

/** Runs one reader on one file and checks what must hold in any case. */
function attempt(read: () => readonly TensorInfo[], size: number): "opened" | "refused" {
  try {
    const wrong = read().filter(({ quant, shape, offset, byteLength }) => {
      const { block, bytes } = quantOf(quant);
      const count = shape.reduce((product, each) => product * each, 1);
      return byteLength !== (count / block) * bytes || offset < 0 || offset + byteLength > size;
    });
    expect(wrong).toEqual([]);
    return "opened";
  } catch (error) {
    if ((error as Error).name !== "DeadliftError") throw error;
    expect((error as { code: string }).code).toMatch(codes);
    return "refused";
  }
}

const kinds = {
  safetensors: {
    make: (random: Random) => {
      const file = random.pick(safetensors);
      return random.integer(2) ? damage(file, random) : damageJson(file, random);
    },
    read: (file: Buffer) => {
      const length = headerLength(file.subarray(0, 8), file.length, "fuzz");
      return parseHeader(file.subarray(8, 8 + length), file.length, "fuzz").tensors;
    },
  },
  gguf: {
    make: (random: Random) => damage(random.pick(ggufs), random),
    read: (file: Buffer) => parseGguf(file, file.length, "fuzz").tensors,
  },
};

describe.each(Object.entries(kinds))("%s", (name, { make, read }) => {
  it(`${rounds} damaged headers are read or refused`, () => {
    const counts = { opened: 0, refused: 0 };
    const before = process.memoryUsage().rss;
    let slowest = 0;
    let largest = 0;
    for (let round = 0; round < rounds; round++) {
      const file = make(seeded(round));
      const startedAt = performance.now();
      counts[attempt(() => read(file), file.length)]++;
      slowest = Math.max(slowest, performance.now() - startedAt);
      if (round % 50 === 0) largest = Math.max(largest, process.memoryUsage().rss);
    }
    expect(counts.opened).toBeGreaterThan(20);
    expect(counts.refused).toBeGreaterThan(rounds / 2);
    expect(slowest).toBeLessThan(1000);
    expect(largest - before).toBeLessThan(maxGrowth);
  });

  it(`${roundsMapped} damaged files open or are refused, and none stays mapped`, async () => {
    const folder = tempFolder({ "config.json": config });
    const path = join(folder, name === "gguf" ? "m.gguf" : "model.safetensors");
    for (let round = 0; round < roundsMapped; round++) {
      writeFileSync(path, make(seeded(rounds + round)));
      const opened = await openModel(path).catch((error: Error & { code: string }) => {
        expect(error.name).toBe("DeadliftError");
        expect(error.code).toMatch(codes);
      });
      opened?.close();
      expect(native().filesMapped()).toBe(0);
    }
  });
});

it(`${rounds} damaged configurations are read or refused`, () => {
  const rope = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8,
  };
  const full = {
    ...config,
    num_key_value_heads: 1,
    head_dim: 4,
    rope_scaling: rope,
    eos_token_id: [1, 2],
    layer_types: ["full_attention"],
  };
  const values = [0, -1, 0.5, 2 ** 53, 1e308, Number.NaN, null, true, "", "1", [], {}, [null], { length: 3 }];
  let opened = 0;
  for (let round = 0; round < rounds; round++) {
    const random = seeded(round);
    const damaged: Record<string, unknown> = {
      ...full,
      rope_scaling: { ...rope },
      model_type: random.pick(["llama", "mistral", "qwen2", "qwen3"]),
    };
    const target = random.integer(3) ? damaged : (damaged.rope_scaling as Record<string, unknown>);
    target[random.pick(Object.keys(target))] = random.pick(values);
    try {
      configFromJson(damaged, "fuzz");
      opened++;
    } catch (error) {
      if ((error as Error).name !== "DeadliftError") throw error;
    }
  }
  expect(opened).toBeGreaterThan(rounds / 20);
});
