// Configurations of families of decoders: what published files leave unsaid, and what is refused rather than run wrongly.

import { describe, expect, it } from "vitest";
import { configFromJson } from "../src/formats/config.js";

const sizes = {
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 100,
};

const read = (model_type: string, fields: object = {}) =>
  configFromJson({ model_type, ...sizes, ...fields }, "config.json");

describe("defaults and old words", () => {
  it("Gemma's first releases say gelu and mean its approximation", () => {
    expect(read("gemma", { hidden_act: "gelu" })).toMatchObject({
      activation: "gelu_tanh",
      headDim: 256,
      normOffset: 1,
      tiedOutput: true,
      scales: { embedding: 8, attention: undefined },
    });
  });

  it("Gemma 2 caps unless told not to", () => {
    expect(read("gemma2")).toMatchObject({
      attentionSoftcap: 50,
      output: { softcap: 30 },
      scales: { attention: 1 / 16 },
    });
    const none = { attn_logit_softcapping: null, final_logit_softcapping: null };
    expect(read("gemma2", none)).toMatchObject({ attentionSoftcap: undefined, output: { softcap: undefined } });
    expect(read("gemma2").windows).toEqual([4096, undefined, 4096, undefined]);
  });

  it("Gemma 3 turns in two ways", () => {
    const { rope, localRope } = read("gemma3_text", { rope_scaling: { rope_type: "linear", factor: 8 } });
    expect(rope).toMatchObject({ theta: 1e6, scaling: { type: "linear", factor: 8 } });
    expect(localRope).toMatchObject({ theta: 1e4, scaling: undefined });
  });

  it("text models inside others leave out what is as in their class", () => {
    const text = { model_type: "gemma3_text", hidden_size: 2560, intermediate_size: 10240, num_hidden_layers: 34 };
    const inside = { ...text, rope_scaling: { factor: 8, rope_type: "linear" }, sliding_window: 1024 };
    const config = configFromJson({ model_type: "gemma3", text_config: inside, eos_token_id: [1, 106] }, "x");
    expect(config).toMatchObject({ dim: 2560, layers: 34, heads: 8, kvHeads: 4, headDim: 256, vocab: 262208 });
    expect(config).toMatchObject({ contextLength: 131072, tiedOutput: true, tokens: { eos: [1, 106] } });
    const llava = { model_type: "llava", text_config: { model_type: "llama", vocab_size: 32064 } };
    expect(configFromJson(llava, "x")).toMatchObject({ dim: 4096, ffn: 11008, layers: 32, heads: 32, vocab: 32064 });
    expect(() => configFromJson(text, "x")).toThrow(/num_attention_heads/);
  });

  it("Gemma 4 has other heads in layers without windows", () => {
    const { headDim, kvHeads, rope, localRope, sharing, gemma4 } = read("gemma4_text", {
      head_dim: 16,
      layer_types: ["sliding_attention", "full_attention", "sliding_attention", "sliding_attention"],
      attention_k_eq_v: true,
      num_global_key_value_heads: 1,
      num_kv_shared_layers: 2,
      use_double_wide_mlp: true,
    });
    expect({ headDim, kvHeads, sharing }).toEqual({ headDim: 512, kvHeads: 1, sharing: 2 });
    expect(gemma4).toMatchObject({
      localHeadDim: 16,
      localKvHeads: 2,
      keysAreValues: true,
      sharingFfn: 192,
    });
    expect([rope.dims, rope.factors?.filter(Number.isFinite).length, localRope?.dims]).toEqual([512, 64, 16]);
  });

  it("SmolLM 3 does not turn in every fourth layer", () => {
    expect(read("smollm3").turns).toEqual([true, true, true, false]);
    expect(read("smollm3", { no_rope_layers: [0, 1, 1, 0] }).turns).toEqual([false, true, true, false]);
  });

  it("Phi 3 knows LongRoPE by several names", () => {
    const factors = { short_factor: Array(8).fill(1), long_factor: Array(8).fill(4) };
    for (const type of ["longrope", "su", "yarn"]) {
      const { rope } = read("phi3", { max_position_embeddings: 8192, rope_scaling: { type, ...factors } });
      expect(rope.scaling).toMatchObject({ type: "longrope", originalContextLength: 4096 });
    }
  });

  it("EXAONE 4 turns where there are windows, or everywhere", () => {
    expect(read("exaone4", { sliding_window_pattern: "LLLG" }).turns).toEqual([true, true, true, false]);
    expect(read("exaone4", { sliding_window: null }).turns).toEqual([true, true, true, true]);
  });

  it("GPT-2 has words of its own", () => {
    const gpt2 = { model_type: "gpt2", n_embd: 32, n_layer: 3, n_head: 4, n_ctx: 64, n_positions: 64, vocab_size: 100 };
    const config = { dim: 32, ffn: 128, layers: 3, heads: 4, contextLength: 64, activation: "gelu_tanh" };
    expect(configFromJson(gpt2, "x")).toMatchObject(config);
    expect(configFromJson({ ...gpt2, n_inner: null }, "x").ffn).toBe(128);
  });
});

describe("refused", () => {
  const bidirectional = { use_bidirectional_attention: true };
  const cases: [string, string, object, RegExp][] = [
    ["attention both ways", "gemma", bidirectional, /false for use_bidirectional_attention/],
    ["attention both ways", "gemma4_text", { use_bidirectional_attention: "all" }, /use_bidirectional_attention/],
    [
      "another turning",
      "gemma4_text",
      { rope_parameters: { full_attention: { rope_type: "yarn" } } },
      /"proportional"/,
    ],
    ["no layer that others could share", "gemma4_text", { num_kv_shared_layers: 4 }, /num_kv_shared_layers/],
    ["layers of all kinds", "gemma4_text", { per_layer_config: { 0: { head_dim: 4 } } }, /per_layer_config/],
    [
      "a list of turning layers that is too short",
      "smollm3",
      { no_rope_layers: [1] },
      /a list of 4 for no_rope_layers/,
    ],
    [
      "factors of another size",
      "phi3",
      { rope_scaling: { type: "su", long_factor: [1] } },
      /a list of 8 positive numbers/,
    ],
    ["norms of queries and keys", "phi", { qk_layernorm: true }, /false for qk_layernorm/],
    ["norms without weights", "opt", { ffn_dim: 96, layer_norm_elementwise_affine: false }, /true for layer_norm_el/],
    [
      "narrow embeddings",
      "opt",
      { ffn_dim: 96, word_embed_proj_dim: 32 },
      /64 \(hidden_size\) for word_embed_proj_dim/,
    ],
    ["scores scaled by layers", "gpt2", { scale_attn_by_inverse_layer_idx: true }, /scale_attn_by_inverse_layer_idx/],
    ["no width of the network", "phi3", { intermediate_size: null }, /intermediate_size/],
    ["another activation", "apertus", { hidden_act: "silu" }, /"xielu" for hidden_act/],
    ["an activation that it does not have", "arcee", { hidden_act: "xielu" }, /hidden_act.*received "xielu"/],
  ];

  it.each(cases)("with %s: %s", (_, type, fields, message) => {
    expect(() => read(type, fields)).toThrow(
      expect.objectContaining({ code: "InvalidConfig", message: expect.stringMatching(message) }),
    );
  });
});
