// Names of tensors: what those of each format mean, and what GGUF calls a meaning.

import { describe, expect, it } from "vitest";
import { canonicalName, ggufName, nameTensors, placeInLayer } from "../src/formats/names.js";
import type { TensorInfo } from "../src/formats/sizes.js";

const meanings: readonly (readonly [canonical: string, safetensors: string | undefined, gguf: string])[] = [
  ["embed", "model.embed_tokens.weight", "token_embd.weight"],
  ["layers.0.attention.q.bias", "model.layers.0.self_attn.q_proj.bias", "blk.0.attn_q.bias"],
  ["layers.11.attention.sinks", "model.layers.11.self_attn.sinks", "blk.11.attn_sinks.weight"],
  ["layers.3.ffn.router", "model.layers.3.mlp.router.weight", "blk.3.ffn_gate_inp.weight"],
  ["layers.3.ffn.router.bias", "model.layers.3.mlp.router.bias", "blk.3.ffn_gate_inp.bias"],
  ["layers.3.ffn.experts.gate", undefined, "blk.3.ffn_gate_exps.weight"],
  ["layers.3.ffn.experts.up.bias", undefined, "blk.3.ffn_up_exps.bias"],
  ["layers.3.ffn.experts.down", undefined, "blk.3.ffn_down_exps.weight"],
];

describe("names", () => {
  it.each(meanings)("%s", (canonical, safetensors, gguf) => {
    if (safetensors) expect(canonicalName("safetensors", safetensors)).toBe(canonical);
    expect(canonicalName("gguf", gguf, "gpt-oss")).toBe(canonical);
    expect(ggufName(canonical, "gpt-oss")).toBe(gguf);
  });

  it("of gpt-oss's GGUF differ from those of others in one norm", () => {
    expect(canonicalName("gguf", "blk.7.post_attention_norm.weight", "gpt-oss")).toBe("layers.7.ffn.norm");
    expect(canonicalName("gguf", "blk.7.post_attention_norm.weight", "llama")).toBeUndefined();
    expect(ggufName("layers.7.ffn.norm", "gpt-oss")).toBe("blk.7.post_attention_norm.weight");
    expect(ggufName("layers.7.ffn.norm", "llama")).toBe("blk.7.ffn_norm.weight");
  });

  it.each([
    ["gpt2", "h.3.attn.c_attn.weight", "layers.3.attention.qkv"],
    ["gpt2", "transformer.wpe.weight", "embed.positions"],
    ["gpt_neox", "gpt_neox.layers.1.attention.query_key_value.bias", "layers.1.attention.qkv.bias"],
    ["opt", "model.decoder.layers.0.final_layer_norm.weight", "layers.0.ffn.norm"],
    ["opt", "decoder.final_layer_norm.bias", "norm.bias"],
    ["stablelm", "model.layers.2.self_attn.q_layernorm.norms.11.weight", "layers.2.attention.q_norm.11"],
    ["gemma", "model.layers.0.post_attention_layernorm.weight", "layers.0.ffn.norm"],
    ["gemma2", "model.layers.0.post_attention_layernorm.weight", "layers.0.attention.post_norm"],
    ["gemma4_text", "model.language_model.layers.5.layer_scalar", "layers.5.scale"],
  ])("of %s: %s", (type, name, canonical) => {
    expect(canonicalName("safetensors", name, type)).toBe(canonical);
  });

  it.each([
    "self_attn.sinks",
    "model.self_attn.sinks",
    "model.layers.0.self_attn.sinks.weight",
    "model.layers.0.self_attn.sink",
    "model.layers.0.constructor",
    "model.layers.0.constructor.weight",
    "model.layers.00.self_attn.sinks",
    "model.layers.10000.self_attn.sinks",
    "constructor.weight",
    "",
  ])("%j means nothing", (name) => {
    expect(canonicalName("safetensors", name)).toBeUndefined();
    expect(canonicalName("gguf", name, "constructor")).toBeUndefined();
  });

  it("have a place in a layer, or none", () => {
    expect(placeInLayer("safetensors", "model.layers.4.mlp.experts.down_proj_bias")).toEqual({
      layer: "4",
      name: "mlp.experts.down_proj_bias",
    });
    expect(placeInLayer("safetensors", "model.norm.weight")).toBeUndefined();
  });

  it("of which two mean the same are refused", () => {
    const tensor = (name: string): TensorInfo => ({ name, quant: "F32", shape: [4], offset: 0, byteLength: 16 });
    const both = [tensor("model.layers.0.self_attn.sinks"), tensor("layers.0.self_attn.sinks")];
    expect(() => nameTensors("safetensors", both)).toThrow(
      expect.objectContaining({ code: "InvalidSafetensors", message: expect.stringMatching(/attention\.sinks/) }),
    );
  });
});
