// Configurations of families with recurrent layers, as they are published: sizes, which layers are recurrent, what is
// refused.

import { describe, expect, it } from "vitest";
import { configFromJson } from "../src/formats/config.js";
import { parseJson } from "../src/formats/file.js";

const read = (json: object) => configFromJson(parseJson(JSON.stringify(json), "config.json"), "config.json");

const lfm2 = {
  model_type: "lfm2",
  block_auto_adjust_ff_dim: true,
  block_ff_dim: 12288,
  block_ffn_dim_multiplier: 1.0,
  block_multiple_of: 256,
  bos_token_id: 1,
  conv_L_cache: 3,
  conv_bias: false,
  eos_token_id: 7,
  full_attn_idxs: [2, 5, 8, 10, 12, 14],
  hidden_size: 2048,
  max_position_embeddings: 128000,
  norm_eps: 1e-5,
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  rope_theta: 1000000.0,
  vocab_size: 65536,
};

const where = (layers: readonly boolean[]) => layers.flatMap((has, i) => (has ? [i] : []));

describe("LFM 2", () => {
  it("counts its feed-forward width, and its convolutions by the layers that attend", () => {
    const { ffn, recurrent, rope, tiedOutput, normEpsilon } = read(lfm2);
    expect({ ffn, tiedOutput, normEpsilon, theta: rope.theta, taps: recurrent.taps }).toEqual({
      ffn: 8192,
      tiedOutput: true,
      normEpsilon: 1e-5,
      theta: 1e6,
      taps: 3,
    });
    expect(where(recurrent.layers)).toEqual([0, 1, 3, 4, 6, 7, 9, 11, 13, 15]);
  });

  it.each([
    [{ block_auto_adjust_ff_dim: false }, 12288],
    [{ block_ffn_dim_multiplier: null }, 8192],
    [{ block_ff_dim: 6656, block_ffn_dim_multiplier: 1.0 }, 4608],
    [{ intermediate_size: 1, tie_embedding: false }, 8192],
  ])("as transformers does: %j", (more, ffn) => {
    expect(read({ ...lfm2, ...more }).ffn).toBe(ffn);
  });

  it.each([
    [{ layer_types: ["conv"] }, /layer_types/],
    [{ layer_types: Array(16).fill("mamba") }, /only "full_attention" or "conv"/],
    [{ conv_L_cache: 0 }, /conv_L_cache/],
    [{ full_attn_idxs: 3 }, /full_attn_idxs/],
  ])("refuses %j", (more, message) => {
    expect(() => read({ ...lfm2, ...more })).toThrow(message);
  });
});

describe("Mamba", () => {
  const mamba = { model_type: "mamba", hidden_size: 768, num_hidden_layers: 24, vocab_size: 50280, state_size: 16 };

  it("is twice as wide within, unless it says otherwise", () => {
    const { recurrent, heads, ffn } = read(mamba);
    expect({ inner: recurrent.heads, rank: recurrent.rank, heads, ffn }).toEqual({
      inner: 1536,
      rank: 48,
      heads: 0,
      ffn: 0,
    });
    const falcon = { ...mamba, model_type: "falcon_mamba", expand: 16, intermediate_size: 1536, time_step_rank: 32 };
    expect(read(falcon).recurrent).toMatchObject({ heads: 1536, rank: 32, selectionEpsilon: 1e-6 });
  });

  const mamba2 = { ...mamba, model_type: "mamba2", num_heads: 24, head_dim: 64, n_groups: 8, state_size: 128 };

  it.each(["[0.0, Infinity]", '[0.0, {"__float__": "Infinity"}]', "[0.0, null]"])(
    "2: steps without end are %s",
    (limit) => {
      const text = JSON.stringify({ ...mamba2, time_step_limit: 1 }).replace(
        '"time_step_limit":1',
        `"time_step_limit":${limit}`,
      );
      const { least, most } = configFromJson(parseJson(text, "config.json"), "config.json").recurrent;
      expect([least, most]).toEqual([0, Number.POSITIVE_INFINITY]);
    },
  );

  it.each([
    [{ time_step_limit: [1, 0] }, /time_step_limit/],
    [{ time_step_limit: 3 }, /time_step_limit/],
    [{ n_groups: 7 }, /a divisor of its 24 heads/],
  ])("2 refuses %j", (more, message) => {
    expect(() => read({ ...mamba2, ...more })).toThrow(message);
  });
});

describe("Qwen 3-Next and 3.5", () => {
  const next = {
    model_type: "qwen3_next",
    ...{ hidden_size: 2048, num_hidden_layers: 8, vocab_size: 151936, num_attention_heads: 16, num_key_value_heads: 2 },
    ...{ decoder_sparse_step: 1, mlp_only_layers: [], num_experts: 512, num_experts_per_tok: 10, rope_theta: 10000000 },
    ...{ moe_intermediate_size: 512, shared_expert_intermediate_size: 512, partial_rotary_factor: 0.25, head_dim: 256 },
  };

  it("attend in every fourth layer, and turn a quarter of each head", () => {
    const { recurrent, rope, experts, normOffset } = read(next);
    expect(where(recurrent.layers)).toEqual([0, 1, 2, 4, 5, 6]);
    expect({ dims: rope.dims, theta: rope.theta, normOffset }).toEqual({ dims: 64, theta: 1e7, normOffset: 1 });
    expect(where(experts.layers)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("3.5 is read from within the model that also sees", () => {
    const rope_parameters = {
      mrope_interleaved: true,
      mrope_section: [11, 11, 10],
      rope_type: "default",
      rope_theta: 1e7,
      partial_rotary_factor: 0.25,
    };
    const text_config = {
      model_type: "qwen3_5_text",
      ...{ hidden_size: 1024, intermediate_size: 3584, num_hidden_layers: 4, vocab_size: 248320, head_dim: 256 },
      ...{ num_attention_heads: 8, num_key_value_heads: 2, linear_num_value_heads: 16, rope_parameters },
    };
    const { architecture, recurrent, rope, tiedOutput } = read({
      model_type: "qwen3_5",
      tie_word_embeddings: true,
      text_config,
    });
    expect({ architecture, dims: rope.dims, tiedOutput }).toEqual({
      architecture: "qwen3_next",
      dims: 64,
      tiedOutput: true,
    });
    expect(recurrent).toMatchObject({ heads: 16, groups: 16, joined: { inputs: false, steps: false } });
  });

  it.each([
    [{ linear_num_value_heads: 5, linear_num_key_heads: 2 }, /a divisor of its 5 heads/],
    [{ layer_types: ["linear_attention"] }, /layer_types/],
    [{ mlp_only_layers: 1 }, /mlp_only_layers/],
  ])("refuse %j", (more, message) => {
    expect(() => read({ ...next, ...more })).toThrow(message);
  });
});

describe("hybrids", () => {
  it("Nemotron-H spells its layers with letters, or with words", () => {
    const sizes = {
      model_type: "nemotron_h",
      hidden_size: 4096,
      vocab_size: 131072,
      head_dim: 128,
      layer_norm_epsilon: 1e-5,
    };
    const dense = read({ ...sizes, hybrid_override_pattern: "M-M*-", num_hidden_layers: 5 });
    expect(dense.recurrent.kinds).toEqual(["state", "network", "state", "attention", "network"]);
    expect(dense).toMatchObject({ layers: 5, ffn: 21504, experts: { count: 0 }, recurrent: { least: 0.001 } });
    const words = read({ ...sizes, layers_block_type: ["mamba", "moe", "attention"] });
    expect(words.recurrent.kinds).toEqual(["state", "experts", "attention"]);
    expect(where(words.experts.layers)).toEqual([1]);
    expect(() => read({ ...sizes, hybrid_override_pattern: "MX" })).toThrow(/layers_block_type/);
  });

  it("Falcon-H1 has a state space as wide as it says, or as the model is", () => {
    const sizes = {
      model_type: "falcon_h1",
      hidden_size: 1024,
      num_hidden_layers: 2,
      vocab_size: 32784,
      mamba_n_heads: 24,
    };
    const stated = read({ ...sizes, mamba_d_ssm: 1536, mamba_d_head: 64, ssm_multipliers: [1, 2, 3, 4, 5] });
    expect(stated.recurrent).toMatchObject({ headDim: 64, multipliers: { gate: 1, read: 4, step: 5 } });
    const wide = read({ ...sizes, mamba_d_ssm: null, mamba_expand: 3 });
    expect(wide.recurrent).toMatchObject({ heads: 24, headDim: 128, norm: "none" });
    expect(() => read({ ...sizes, mamba_d_ssm: 1000 })).toThrow(/sizes whose product is 1000/);
    expect(() => read({ ...sizes, mamba_d_ssm: 1536, ssm_multipliers: [1] })).toThrow(/5 numbers/);
  });
});
