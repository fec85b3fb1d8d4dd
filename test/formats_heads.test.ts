// What config.json says of a model's head: from the name of its class, its labels and its problem; and what is refused.

import { describe, expect, it } from "vitest";
import { record } from "../src/architectures/index.js";
import { configFromJson } from "../src/formats/config.js";
import { configFromGguf } from "../src/formats/config_gguf.js";
import type { MetadataValue } from "../src/formats/gguf_metadata.js";
import { canonicalName, nameTensors } from "../src/formats/names.js";
import type { TensorInfo } from "../src/formats/sizes.js";

const sizes = { hidden_size: 32, intermediate_size: 48, num_hidden_layers: 1, num_attention_heads: 4, vocab_size: 96 };
const read = (more: object) => configFromJson({ ...sizes, ...more }, "config.json");
const bert = (more: object = {}) => read({ model_type: "bert", ...more });
const of = (name: string, more: object = {}) => read({ architectures: [name], ...more });

describe("the head", () => {
  it("is that of the first class of architectures", () => {
    const kind = (name: string) => of(name, { model_type: "bert" }).head.kind;
    expect(kind("BertModel")).toBe("hidden");
    expect(kind("BertForMaskedLM")).toBe("masked");
    expect(kind("BertForPreTraining")).toBe("masked");
    expect(kind("BertForSequenceClassification")).toBe("classes");
    expect(kind("BertForTokenClassification")).toBe("token_classes");
    expect(bert().head.kind).toBe("hidden");
    expect(bert({ architectures: [] }).head.kind).toBe("hidden");
  });

  it("of decoders is their next token, unless the class says otherwise", () => {
    const qwen = (more: object) => read({ model_type: "qwen3", num_key_value_heads: 2, ...more }).head;
    expect(qwen({}).kind).toBe("next");
    expect(qwen({ architectures: ["Qwen3ForCausalLM"] }).kind).toBe("next");
    expect(qwen({ architectures: ["Qwen3Model"] }).kind).toBe("hidden");
    const classes = qwen({ architectures: ["Qwen3ForSequenceClassification"], id2label: { 0: "no", 1: "yes" } });
    expect(classes).toMatchObject({ kind: "classes", pooling: "last", labels: ["no", "yes"] });
    expect(classes.layers).toEqual([
      { weight: "head.classes", width: 2, bias: false, activation: undefined, norm: undefined },
    ]);
  });

  it("of a model whose attention goes both ways is not the next token", () => {
    const qwen2 = { model_type: "qwen2", num_key_value_heads: 2, is_causal: false };
    expect(read(qwen2).head.kind).toBe("hidden");
    const program = record(read({ ...qwen2, architectures: ["Qwen2Model"] }));
    expect(program.ops.filter((op) => op.kind === "attend").map(({ causal }) => causal)).toEqual([false]);
    const mixtral = read({ ...qwen2, model_type: "mixtral", architectures: ["MixtralModel"] });
    expect(() => record(mixtral)).toThrow(/both ways/);
  });

  it("has labels in the order of their ids", () => {
    const labels = (more: object) => of("BertForSequenceClassification", { model_type: "bert", ...more }).head.labels;
    expect(labels({ id2label: { 10: "k", 2: "c", 0: "a", 1: "b", ...rest(3, 10) } }).slice(0, 3)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(labels({})).toEqual(["LABEL_0", "LABEL_1"]);
    expect(labels({ num_labels: 1 })).toEqual(["LABEL_0"]);
    for (const id2label of [{ 1: "a" }, {}, ["a"], "a"]) expect(() => labels({ id2label })).toThrow(/id2label/);
  });

  it("says how logits become scores", () => {
    const scores = (more: object) => of("BertForSequenceClassification", { model_type: "bert", ...more }).head.scores;
    expect(scores({})).toBe("softmax");
    expect(scores({ num_labels: 1 })).toBe("sigmoid");
    expect(scores({ problem_type: "multi_label_classification" })).toBe("sigmoid");
    expect(scores({ problem_type: "regression" })).toBe("none");
  });
});

describe("the head in GGUF", () => {
  const tensor = (name: string, ...shape: number[]) =>
    [name, { name, quant: "F32", shape, offset: 0, byteLength: 4 } as const] as const;
  const gguf = (arch: string, more: object = {}, ...tensors: (readonly [string, TensorInfo])[]) => {
    const stated = {
      embedding_length: 32,
      feed_forward_length: 48,
      block_count: 1,
      context_length: 64,
      "attention.head_count": 4,
      "attention.layer_norm_epsilon": 1e-12,
      "attention.causal": arch !== "bert",
      ...more,
    };
    const metadata = new Map<string, MetadataValue>([["general.architecture", arch]]);
    for (const [key, value] of Object.entries(stated)) metadata.set(`${arch}.${key}`, value);
    return configFromGguf(metadata, new Map<string, TensorInfo>([tensor("embed", 96, 32), ...tensors]), "x.gguf").head;
  };

  it("follows from how the file says it pools", () => {
    expect(gguf("bert")).toMatchObject({ kind: "hidden" });
    expect(gguf("bert", { pooling_type: 0 })).toMatchObject({ kind: "hidden" });
    expect(gguf("bert", { pooling_type: 1 })).toMatchObject({ kind: "embedding", pooling: "mean" });
    expect(gguf("bert", { pooling_type: 2 })).toMatchObject({ kind: "embedding", pooling: "first" });
    expect(gguf("qwen3", { pooling_type: 3 })).toMatchObject({ kind: "embedding", pooling: "last" });
    expect(gguf("qwen3", { pooling_type: 0 })).toMatchObject({ kind: "next" });
    expect(() => gguf("bert", { pooling_type: 5 })).toThrow(/pooling_type/);
  });

  it("is that of classes where there is a whole classifier", () => {
    const classes = [
      tensor("head.dense", 32, 32),
      tensor("head.classes", 1, 32),
      tensor("head.classes.bias", 1),
    ] as const;
    expect(gguf("bert", {}, ...classes)).toMatchObject({ kind: "classes", pooling: "first", scores: "sigmoid" });
    expect(gguf("bert", { "classifier.output_labels": ["good"] }, ...classes).labels).toEqual(["good"]);
    expect(() => gguf("bert", { "classifier.output_labels": ["a", "b"] }, ...classes)).toThrow(/output_labels/);
    // llama.cpp's converter leaves BERT's pooler out.
    expect(() => gguf("bert", {}, classes[1])).toThrow(/head.dense/);
    const ranked = gguf(
      "qwen3",
      { pooling_type: 4, "classifier.output_labels": ["yes", "no"] },
      tensor("head.classes", 2, 32),
    );
    expect(ranked).toMatchObject({ kind: "classes", pooling: "last", labels: ["yes", "no"], scores: "softmax" });
    expect(ranked.layers[0]!.bias).toBe(false);
  });
});

describe("encoders that we do not have", () => {
  it.each([
    ["architectures", "BertForQuestionAnswering"],
    ["architectures", "BertLMHeadModel"],
  ])("%s %s", (key, name) => {
    expect(() => bert({ [key]: [name] })).toThrow(/architectures/);
  });

  it.each([
    ["is_decoder", true],
    ["add_cross_attention", true],
    ["position_embedding_type", "relative_key_query"],
    ["use_task_id", true],
    ["hidden_act", "mish"],
    ["type_vocab_size", -1],
  ])("%s: %s", (key, value) => {
    expect(() => bert({ [key]: value })).toThrow(key);
  });

  it.each([
    ["electra", "architectures", ["ElectraForPreTraining"]],
    ["albert", "inner_group_num", 2],
    ["albert", "num_hidden_groups", 2],
    ["mpnet", "relative_attention_num_buckets", 16],
    ["eurobert", "classifier_pooling", "last", ["EuroBertForSequenceClassification"]],
    ["gemma3_text", "architectures", ["Gemma3ForCausalLM"], undefined, { use_bidirectional_attention: true }],
    ["deberta-v2", "conv_kernel_size", 3],
    ["deberta-v2", "relative_attention", false],
    ["deberta-v2", "embedding_size", 16, undefined, { relative_attention: true }],
    ["deberta-v2", "pos_att_type", "c2p|p2p", undefined, { relative_attention: true }],
    ["nomic_bert", "activation_function", "gelu"],
    ["nomic_bert", "prenorm", true],
    ["nomic_bert", "moe_every_n_layers", 2],
    ["new", "pack_qkv", false],
    ["new", "logn_attention_scale", true],
    ["new", "type", "linear"],
    ["t5", "architectures", ["T5Model"]],
    ["t5", "architectures", ["T5ForConditionalGeneration"]],
    ["t5", "feed_forward_proj", "gated-mish"],
    ["t5", "feed_forward_proj", "a-b-c"],
    ["modernbert", "classifier_pooling", "max", ["ModernBertForSequenceClassification"]],
    ["modernbert", "rope_scaling", { rope_type: "yarn", factor: 2 }],
    ["modernbert", "rope_type", { full_attention: { rope_type: "yarn" } }],
  ])("%s with %s: %s", (type, key, value, architectures?: string[], more: object = {}) => {
    const scaling = { rope_type: { rope_parameters: value }, type: { rope_scaling: { type: value } } };
    const stated = key in scaling ? scaling[key as "type"] : { [key]: value };
    expect(() =>
      read({ model_type: type, num_key_value_heads: 2, ...(architectures && { architectures }), ...stated, ...more }),
    ).toThrow(key);
  });

  it("positions that are all before the first token's", () => {
    expect(() => read({ model_type: "roberta", max_position_embeddings: 2 })).toThrow(/max_position_embeddings/);
    expect(read({ model_type: "roberta", max_position_embeddings: 514 }).contextLength).toBe(512);
  });
});

describe("names of encoders' tensors", () => {
  const info = (name: string) => ({ name, quant: "F32", shape: [2], offset: 0, byteLength: 8 }) as const;

  it("are with or without a prefix, in TensorFlow's words, or stored twice", () => {
    const meaning = (name: string) => canonicalName("safetensors", name, "bert");
    expect(meaning("bert.encoder.layer.3.attention.self.query.bias")).toBe("layers.3.attention.q.bias");
    expect(meaning("encoder.layer.3.attention.self.query.bias")).toBe("layers.3.attention.q.bias");
    expect(meaning("0.auto_model.embeddings.LayerNorm.weight")).toBe("embed.norm");
    expect(meaning("bert.embeddings.LayerNorm.gamma")).toBe("embed.norm");
    expect(meaning("bert.embeddings.LayerNorm.beta")).toBe("embed.norm.bias");
    expect(meaning("embeddings.position_ids")).toBeUndefined();
    const twice = [info("cls.predictions.decoder.bias"), info("cls.predictions.bias"), info("constructor")];
    const { tensors, unused } = nameTensors("safetensors", twice, { type: "bert" });
    expect(tensors.get("output.bias")!.name).toBe("cls.predictions.bias");
    expect(unused.map(({ name }) => name)).toEqual(["constructor"]);
    const once = nameTensors("safetensors", twice.slice(0, 1), { type: "bert" });
    expect(once.tensors.get("output.bias")!.name).toBe("cls.predictions.decoder.bias");
  });
});

/** Labels of ids from `from` to before `to`. */
function rest(from: number, to: number): Record<number, string> {
  return Object.fromEntries(Array.from({ length: to - from }, (_, i) => [from + i, `label ${from + i}`]));
}
