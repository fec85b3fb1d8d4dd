// Configurations: what transformers makes of config.json, what GGUF metadata means, and what is refused.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { configFromJson } from "../src/formats/config.js";
import { configFromGguf } from "../src/formats/config_gguf.js";
import { parseJson } from "../src/formats/file.js";
import { generationFromGguf, generationFromJson } from "../src/formats/generation.js";
import type { Metadata, MetadataValue } from "../src/formats/gguf_metadata.js";
import type { MappedFile } from "../src/native.js";
import { noExperts } from "../src/program/config.js";
import { ropeTable } from "../src/program/rope.js";
import type { Tensor } from "../src/tensor.js";

interface Golden {
  config: Record<string, unknown>;
  kvHeads: number;
  headDim: number;
  contextLength: number;
  windows: (number | null)[];
  tiedOutput: boolean;
  bos: number | null;
  eos: number | null;
  frequencies: string;
  magnitude: number;
}

const golden = JSON.parse(readFileSync(new URL("fixtures/formats/configs.json", import.meta.url), "utf8")) as Record<
  string,
  Golden
>;

describe("as transformers", () => {
  it.each(Object.entries(golden))("%s", (_, want) => {
    const config = configFromJson(want.config, "config.json");
    expect(config).toMatchObject({ dim: 64, ffn: 96, heads: 8, layers: 4, vocab: 100 });
    expect(config.activation).toBe("silu");
    expect(config).toMatchObject({ kvHeads: want.kvHeads, headDim: want.headDim, contextLength: want.contextLength });
    expect(config.windows).toEqual(want.windows.map((window) => window ?? undefined));
    expect(config.tiedOutput).toBe(want.tiedOutput);
    expect(config.tokens).toMatchObject({ bos: want.bos ?? undefined, eos: want.eos === null ? [] : [want.eos] });
    const { frequencies, magnitude } = ropeTable(config.rope);
    const wanted = new Float32Array(new Uint8Array(Buffer.from(want.frequencies, "base64")).buffer);
    expect(frequencies.length).toBe(wanted.length);
    for (const [i, frequency] of frequencies.entries()) expect(frequency / wanted[i]!).toBeCloseTo(1, 5);
    expect(magnitude).toBeCloseTo(want.magnitude, 6);
  });
});

const sizes = { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4, vocab_size: 100 };
const llama = { model_type: "llama", ...sizes };
const read = (fields: object, base: object = llama) => configFromJson({ ...base, ...fields }, "config.json");

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ name: "DeadliftError", code, message: expect.stringMatching(message) });

describe("config.json", () => {
  it("names biases by model type", () => {
    const none = { qkv: false, attentionOutput: false, ffn: false };
    expect(read({}).bias).toEqual(none);
    expect(read({ attention_bias: true }).bias).toEqual({ ...none, qkv: true, attentionOutput: true });
    expect(read({ mlp_bias: true }).bias).toEqual({ ...none, ffn: true });
    expect(read({ model_type: "qwen2", num_key_value_heads: 4 }).bias).toEqual({ ...none, qkv: true });
    expect(read({ model_type: "qwen3", num_key_value_heads: 4, mlp_bias: true }).bias).toEqual(none);
    expect(read({ model_type: "mistral", num_key_value_heads: 4, attention_bias: true }).bias).toEqual(none);
  });

  it("maps model types to architectures", () => {
    const of = (model_type: string) => read({ model_type, num_key_value_heads: 4 }).architecture;
    expect(["llama", "mistral", "qwen2", "qwen3"].map(of)).toEqual(["llama", "llama", "qwen2", "qwen3"]);
  });

  it("turns a part of each head", () => {
    expect(read({ partial_rotary_factor: 0.5 }).rope.dims).toBe(8);
    expect(read({ rope_parameters: { rope_type: "default", partial_rotary_factor: 0.25 } }).rope.dims).toBe(4);
  });

  it("stretches nothing of dynamic rope within the context, but by Hunyuan's alpha", () => {
    const dynamic = (more: object) => read({ rope_scaling: { type: "dynamic", factor: 2, ...more } }).rope;
    expect(dynamic({})).toEqual(read({}).rope);
    const { theta, dims, scaling } = dynamic({ alpha: 1000 });
    expect(scaling).toBeUndefined();
    expect(theta).toBeCloseTo(read({}).rope.theta * 1000 ** (dims / (dims - 2)), 0);
    expect(() => dynamic({ alpha: -1 })).toThrow(/positive number for alpha in rope_scaling/);
  });

  it("keeps the tokens that can come up", () => {
    const tokens = (fields: object) => read(fields).tokens;
    expect(tokens({ eos_token_id: [2, 99, 100, -1], bos_token_id: 7, pad_token_id: -1 })).toEqual({
      bos: 7,
      eos: [2, 99],
      pad: undefined,
    });
    expect(tokens({ eos_token_id: null, bos_token_id: null })).toEqual({ bos: undefined, eos: [], pad: undefined });
  });

  it("looks for the language model inside multi-modal ones", () => {
    const config = configFromJson(
      {
        model_type: "mistral3",
        vision_config: {},
        tie_word_embeddings: true,
        eos_token_id: 5,
        text_config: { ...llama, model_type: "mistral", num_key_value_heads: 2 },
      },
      "config.json",
    );
    expect(config).toMatchObject({ architecture: "llama", kvHeads: 2, tiedOutput: true, tokens: { eos: [5] } });
  });

  it("takes Python's NaN and Infinity for nothing", () => {
    expect(parseJson('{"a": NaN, "b": [-Infinity, "NaN"], "c": Infinity}', "config.json")).toEqual({
      a: null,
      b: [null, "NaN"],
      c: null,
    });
  });

  it.each([
    ["[1]", /a JSON object in x, received \[1\]/],
    ["null", /received null/],
    ["{,}", /x is not JSON/],
    ["", /not JSON/],
  ] as const)("is refused when it is %s", (text, message) => {
    expect(() => parseJson(text, "x")).toThrow(refusal("InvalidConfig", message));
  });

  const cases: [string, object, RegExp][] = [
    [
      "no hidden size",
      { hidden_size: undefined },
      /a positive integer for hidden_size in config.json, received undefined/,
    ],
    ["a size of zero", { num_hidden_layers: 0 }, /num_hidden_layers in config.json, received 0/],
    ["a negative size", { vocab_size: -5 }, /vocab_size.*received -5/],
    ["half a size", { intermediate_size: 1.5 }, /intermediate_size.*received 1.5/],
    ["a size as text", { hidden_size: "64" }, /hidden_size.*received "64"/],
    ["a size beyond all models", { hidden_size: 2 ** 40 }, /hidden_size.*received 1099511627776/],
    ["endless layers", { num_hidden_layers: 5000 }, /at most 4096 layers/],
    ["heads that do not divide", { num_attention_heads: 5 }, /multiple of the 5 attention heads/],
    ["key-value heads that do not divide", { num_key_value_heads: 3 }, /divisor of the 4 attention heads.*received 3/],
    [
      "a head beyond all models",
      { head_dim: 2 ** 31 - 2 },
      /at most 65536 for the size of a head.*received 2147483646/,
    ],
    ["an odd head", { head_dim: 7 }, /even number.*received 7/],
    ["no epsilon", { rms_norm_eps: 0 }, /positive number for rms_norm_eps.*received 0/],
    ["another activation", { hidden_act: "gelu" }, /"silu" for hidden_act.*received "gelu"/],
    ["tied as text", { tie_word_embeddings: "yes" }, /true or false for tie_word_embeddings/],
    ["a token as text", { eos_token_id: "</s>" }, /token id or a list of them for eos_token_id/],
    ["tokens in pieces", { eos_token_id: [1.5] }, /eos_token_id/],
    [
      "an unknown rope",
      { rope_scaling: { rope_type: "xpos" } },
      /"dynamic" for rope_type in rope_scaling of config.json, received "xpos"/,
    ],
    ["an unknown old rope", { rope_scaling: { type: "ntk", factor: 2 } }, /received "ntk"/],
    [
      "rope by layer type",
      { rope_parameters: { full_attention: {}, rope_type: "proportional" } },
      /received "proportional"/,
    ],
    ["rope as text", { rope_scaling: "yarn", rope_parameters: "yarn" }, /object for rope_parameters/],
    ["no factor", { rope_scaling: { rope_type: "linear" } }, /positive number for factor in rope_scaling/],
    ["a negative factor", { rope_scaling: { rope_type: "linear", factor: -1 } }, /factor.*received -1/],
    [
      "crossed frequencies",
      { rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1 } },
      /more than low_freq_factor \(4\)/,
    ],
    ["theta of nothing", { rope_theta: 0 }, /rope_theta.*received 0/],
    ["more than the whole head", { partial_rotary_factor: 2 }, /partial_rotary_factor.*received 2/],
    ["no value of a head", { partial_rotary_factor: 0.01 }, /partial_rotary_factor/],
    [
      "a window of nothing",
      { model_type: "mistral", num_key_value_heads: 4, sliding_window: 0 },
      /sliding_window.*received 0/,
    ],
  ];

  it.each(cases)("is refused with %s", (_, fields, message) => {
    expect(() => read(fields)).toThrow(refusal("InvalidConfig", message));
  });

  const qwen = { ...llama, model_type: "qwen3", num_key_value_heads: 4 };

  it.each([
    ["layer types of another length", { layer_types: ["full_attention"] }, /list of 2 types/],
    ["layer types nobody knows", { layer_types: ["full_attention", "mamba"] }, /received "mamba"/],
    ["windows without a window", { layer_types: ["full_attention", "sliding_attention"] }, /with use_sliding_window/],
    ["a negative first layer", { max_window_layers: -1 }, /max_window_layers/],
  ] as const)("is refused with %s", (_, fields, message) => {
    expect(() => read(fields, qwen)).toThrow(refusal("InvalidConfig", message));
  });

  const gptOss = { ...llama, model_type: "gpt_oss", num_key_value_heads: 2, head_dim: 16 };

  it("knows gpt-oss's experts, biases and windows", () => {
    const bias = { qkv: true, attentionOutput: true, ffn: true };
    expect(read({}, gptOss)).toMatchObject({
      architecture: "gpt_oss",
      experts: { count: 128, used: 4, ffn: 96 },
      bias,
    });
    const fields = { num_local_experts: 32, num_experts_per_tok: 32, attention_bias: false, sliding_window: 5 };
    expect(read(fields, gptOss)).toMatchObject({
      experts: { count: 32, used: 32, ffn: 96 },
      bias: { qkv: false, attentionOutput: false, ffn: true },
      windows: [5, undefined],
    });
    expect(read({}).experts).toEqual(noExperts);
  });

  it.each([
    ["no experts", { num_local_experts: 0 }, /num_local_experts.*received 0/],
    ["experts beyond all models", { num_local_experts: 1e6 }, /at most 65536 experts for num_local_experts/],
    ["experts that none uses", { num_experts_per_tok: 0 }, /num_experts_per_tok.*received 0/],
    ["more used than there are", { num_local_experts: 3 }, /at most the 3 there are .*received 4/],
    ["half an expert", { num_experts_per_tok: 1.5 }, /num_experts_per_tok.*received 1.5/],
    ["another limit", { swiglu_limit: 5 }, /7 for swiglu_limit.*received 5/],
    ["no limit", { swiglu_limit: 0 }, /swiglu_limit.*received 0/],
    ["another gain", { swiglu_alpha: 1 }, /1.702 for swiglu_alpha.*received 1/],
    ["another activation", { hidden_act: "gelu" }, /"silu" for hidden_act/],
    ["windows of no size", { sliding_window: null }, /"sliding_attention" with sliding_window/],
    ["layer types of another length", { layer_types: [] }, /list of 2 types/],
  ] as const)("of gpt-oss is refused with %s", (_, fields, message) => {
    expect(() => read(fields, gptOss)).toThrow(refusal("InvalidConfig", message));
  });

  it("is refused for other models, naming them and ours", () => {
    expect(() => read({ model_type: "mamba9" })).toThrow(
      refusal(
        "UnsupportedArchitecture",
        /model_type "mamba9" of config.json; its nearest relative here is "mamba"; supported: llama, mistral, qwen2, qwen3,.* more/,
      ),
    );
    expect(() => read({ model_type: "constructor" })).toThrow(refusal("UnsupportedArchitecture", /"constructor"/));
    expect(() => read({ model_type: "llava", text_config: { model_type: "opt9" } })).toThrow(
      refusal("UnsupportedArchitecture", /"llava" \(text model "opt9"\)/),
    );
    expect(() => read({ model_type: undefined })).toThrow(refusal("InvalidConfig", /model_type/));
  });
});

describe("GGUF metadata", () => {
  const base: Record<string, MetadataValue> = {
    "general.architecture": "llama",
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.context_length": 128,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "tokenizer.ggml.tokens": Array.from({ length: 100 }, (_, i) => `${i}`),
  };
  const metadata = (fields: Record<string, MetadataValue | undefined>): Metadata =>
    new Map(
      Object.entries({ ...base, ...fields }).filter((pair): pair is [string, MetadataValue] => pair[1] !== undefined),
    );
  const tensors = (...list: [string, Partial<Tensor>][]) =>
    new Map(list.map(([name, fields]) => [name, fields as Tensor]));
  const readGguf = (fields: Record<string, MetadataValue | undefined> = {}, given = tensors()) =>
    configFromGguf(metadata(fields), given, "x.gguf");

  it("states the same as config.json, with neighbours turning together", () => {
    expect(readGguf()).toEqual({
      ...read({ max_position_embeddings: 128, rms_norm_eps: 1e-5, tie_word_embeddings: true }),
      rope: { theta: 10000, dims: 16, layout: "pairs", scaling: undefined, factors: undefined },
      tokens: { bos: undefined, eos: [], pad: undefined },
    });
  });

  it("turns halves for Qwen, whose head size stands in key_length", () => {
    const qwen = Object.fromEntries(
      Object.entries(base).map(([key, value]) => [key.replace("llama.", "qwen3."), value]),
    );
    const fields = {
      ...qwen,
      "general.architecture": "qwen3",
      "qwen3.attention.key_length": 32,
      "qwen3.attention.value_length": 32,
    };
    expect(configFromGguf(new Map(Object.entries(fields)), tensors(), "x.gguf")).toMatchObject({
      architecture: "qwen3",
      headDim: 32,
      rope: { dims: 32, layout: "half" },
    });
  });

  const gptOss = Object.fromEntries(
    Object.entries({
      ...base,
      "general.architecture": "gpt-oss",
      "llama.attention.sliding_window": 8,
      "llama.expert_count": 4,
      "llama.expert_used_count": 2,
      "llama.expert_feed_forward_length": 32,
      "llama.rope.scaling.type": "yarn",
      "llama.rope.scaling.factor": 4,
    }).map(([key, value]) => [key.replace("llama.", "gpt-oss."), value]),
  );
  const readGptOss = (fields: Record<string, MetadataValue | undefined> = {}) =>
    readGguf({ ...gptOss, ...fields }, tensors(["layers.0.attention.q.bias", {}], ["layers.0.attention.o.bias", {}]));

  it("leaves some of gpt-oss to its readers: windows in every other layer, YaRN between whole dimensions", () => {
    expect(readGptOss()).toMatchObject({
      architecture: "gpt_oss",
      experts: { count: 4, used: 2, ffn: 32 },
      windows: [8, undefined],
      bias: { qkv: true, attentionOutput: true, ffn: true },
      rope: { layout: "half", scaling: { type: "yarn", truncate: false } },
    });
  });

  it.each([
    ["no number of experts", { "gpt-oss.expert_count": undefined }, /expert_count.*undefined/],
    ["no experts", { "gpt-oss.expert_count": 0 }, /expert_count.*received 0/],
    ["experts that none uses", { "gpt-oss.expert_used_count": 0 }, /expert_used_count.*received 0/],
    ["more used than there are", { "gpt-oss.expert_used_count": 5 }, /at most the 4 there are .*received 5/],
    ["experts by layer", { "gpt-oss.expert_count": new Uint32Array([4, 8]) }, /expert_count.*received \[4,8\]/],
  ] as const)("of gpt-oss is refused with %s", (_, fields, message) => {
    expect(() => readGptOss(fields)).toThrow(refusal("InvalidConfig", message));
  });

  it("learns vocabulary, biases and ties from the tensors", () => {
    const config = readGguf(
      {},
      tensors(["embed", { shape: [128, 64] }], ["output", {}], ["layers.0.attention.q.bias", {}]),
    );
    expect(config).toMatchObject({
      vocab: 128,
      tiedOutput: false,
      bias: { qkv: true, attentionOutput: false, ffn: false },
    });
  });

  it("knows linear and YaRN scaling", () => {
    const scaling = (fields: Record<string, MetadataValue>) => readGguf(fields).rope.scaling;
    expect(scaling({ "llama.rope.scaling.factor": 4 })).toEqual({ type: "linear", factor: 4 });
    expect(scaling({ "llama.rope.scale_linear": 2 })).toEqual({ type: "linear", factor: 2 });
    expect(scaling({ "llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4 })).toBeUndefined();
    const yarn = {
      "llama.rope.scaling.type": "yarn",
      "llama.rope.scaling.factor": 4,
      "llama.rope.scaling.original_context_length": 32,
    };
    expect(scaling(yarn)).toEqual({
      type: "yarn",
      factor: 4,
      originalContextLength: 32,
      betaFast: 32,
      betaSlow: 1,
      attentionFactor: 0.1 * Math.log(4) + 1,
      truncate: true,
    });
  });

  it("reads rope_freqs.weight", () => {
    const values = Float32Array.from({ length: 8 }, (_, i) => i + 1);
    const file = { bytes: () => new Uint8Array(values.buffer) } as unknown as MappedFile;
    const factors: [string, Partial<Tensor>] = [
      "rope.factors",
      { name: "rope_freqs.weight", quant: "F32", shape: [8], file, offset: 0, byteLength: 32 },
    ];
    expect(readGguf({}, tensors(factors)).rope.factors).toEqual(values);
    values[3] = 0;
    expect(() => readGguf({}, tensors(factors))).toThrow(
      refusal("InvalidConfig", /positive numbers for rope_freqs.weight.*received 0/),
    );
    expect(() => readGguf({ "llama.rope.dimension_count": 8 }, tensors(factors))).toThrow(
      refusal("InvalidConfig", /\[4\]/),
    );
  });

  it("gathers the tokens that end a turn", () => {
    const id = (name: string) => `tokenizer.ggml.${name}_token_id`;
    const fields = { [id("bos")]: 1, [id("eos")]: 2, [id("eot")]: 3, [id("eom")]: 3, [id("padding")]: 2 ** 32 - 1 };
    expect(readGguf(fields).tokens).toEqual({ bos: 1, eos: [2, 3], pad: undefined });
  });

  it("takes lists that say one thing for that thing", () => {
    expect(readGguf({ "llama.attention.head_count_kv": new Uint32Array([2, 2]) }).kvHeads).toBe(2);
    expect(() => readGguf({ "llama.attention.head_count_kv": new Uint32Array([2, 4]) })).toThrow(
      refusal("InvalidConfig", /\[2,4\]/),
    );
  });

  it.each([
    ["no context length", { "llama.context_length": undefined }, "InvalidConfig", /context_length.*undefined/],
    [
      "values of another size",
      { "llama.attention.value_length": 8 },
      "InvalidConfig",
      /16 \(attention.key_length\).*received 8/,
    ],
    ["more turning than head", { "llama.rope.dimension_count": 32 }, "InvalidConfig", /at most 16.*received 32/],
    [
      "longrope",
      { "llama.rope.scaling.type": "longrope" },
      "InvalidConfig",
      /no longrope without its factors.*received "longrope"/,
    ],
    [
      "a size of 2^64 - 1",
      { "llama.block_count": 2n ** 64n - 1n },
      "InvalidConfig",
      /block_count.*received 18446744073709551615/,
    ],
    ["no architecture", { "general.architecture": undefined }, "InvalidConfig", /general.architecture/],
    [
      "another architecture",
      { "general.architecture": "grok" },
      "UnsupportedArchitecture",
      /"grok" of x.gguf; supported: llama,.* qwen2, qwen3/,
    ],
    [
      "experts",
      { "qwen3.expert_count": 8, "general.architecture": "qwen3" },
      "UnsupportedArchitecture",
      /with experts/,
    ],
  ])("is refused with %s", (_, fields, code, message) => {
    expect(() => readGguf(fields)).toThrow(refusal(code, message));
  });

  it("may state how to sample", () => {
    const fields = metadata({
      "general.sampling.temp": 0.7,
      "general.sampling.top_k": 20,
      "general.sampling.top_p": 0.8,
    });
    expect(generationFromGguf(fields, [2], "x")).toEqual({
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      doSample: true,
      eos: [2],
    });
    expect(generationFromGguf(metadata({}), [], "x")).toEqual({ eos: [] });
  });
});

describe("generation_config.json", () => {
  const read = (json: object) => generationFromJson(json as Record<string, unknown>, 100, "generation_config.json");

  it("gives what it states and nothing else", () => {
    expect(generationFromJson(undefined, 100, "x")).toEqual({ eos: [] });
    expect(read({ transformers_version: "4.41.2", eos_token_id: 2, top_k: null })).toEqual({ eos: [2] });
    expect(
      read({
        temperature: 0.6,
        top_k: 20,
        top_p: 0.95,
        min_p: 0,
        typical_p: 0.9,
        repetition_penalty: 1.05,
        do_sample: false,
        max_new_tokens: 2048,
        eos_token_id: [2, 3, 1000],
      }),
    ).toEqual({
      temperature: 0.6,
      topK: 20,
      topP: 0.95,
      minP: 0,
      typicalP: 0.9,
      repetitionPenalty: 1.05,
      doSample: false,
      maxTokens: 2048,
      eos: [2, 3],
    });
  });

  it.each([
    [{ temperature: -1 }, /temperature .* received -1/],
    [{ temperature: "hot" }, /a number of 0 to Infinity for temperature in generation_config.json, received "hot"/],
    [{ top_k: 1.5 }, /an integer of 0 .* received 1.5/],
    [{ top_p: 2 }, /a number of 0 to 1 for top_p/],
    [{ repetition_penalty: 0 }, /more than 0/],
    [{ max_new_tokens: 0 }, /an integer of 1/],
    [{ do_sample: 1 }, /true or false for do_sample/],
  ])("is refused with %j", (json, message) => {
    expect(() => read(json)).toThrow(refusal("InvalidConfig", message));
  });
});
