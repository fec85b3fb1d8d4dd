// What Python makes of a tokenizer.json whose tokenizer_class is LlamaTokenizer: it rebuilds all but the vocabulary.
import type { TokenizerJson } from "./schema.js";

// Model types for which transformers 5 takes the file as it is, whatever the class says
// (TOKENIZER_MAPPING_NAMES and MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS of models/auto/tokenization_auto.py).
const asWritten = new Set(
  `arctic aria chatlm cohere_asr ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe
   got_ocr2 gpt_bigcode granite granitemoe granitemoehybrid granitemoeshared h2ovl_chat hyperclovax hyperclovax_vlm
   hyperclovax_vision_v2 internlm2 internlm3 iquestcoder jamba kimi_k25 kimi_linear llava llava_next mimo_v2_flash
   minicpm3 minicpmv minimax_m2 ministral ministral3 mistral mistral3 mistral_large4 mixtral modernbert molmo molmo2
   nemotron nvfp4 olmo2 olmo3 olmo_hybrid opencua openvla paddleocr_vl persimmon phi3 phi3_v phimoe pixtral qwen2
   qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen4_exp siglip2 smolvlm stablelm step3_vl umt5 vipllava voxtral`.split(/\s+/),
);

/** @returns the tokenizer.json Python would run */
export function llamaRules(
  json: TokenizerJson,
  config: Readonly<Record<string, unknown>>,
  modelType: string | undefined,
): TokenizerJson {
  const isLlama = config.tokenizer_class === "LlamaTokenizer" || config.tokenizer_class === "LlamaTokenizerFast";
  if (!isLlama || json.model.type !== "BPE" || asWritten.has(modelType ?? "")) return json;
  const { model, ...rest } = json;
  if (JSON.stringify(rest).includes('"ByteLevel"')) return json;
  const prefixed = config.add_prefix_space !== false;
  const scheme = !prefixed ? "never" : config.legacy === true ? "always" : "first";
  return {
    ...json,
    normalizer: null,
    pre_tokenizer: { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split: false },
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(prefixed ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    // No unknown token: characters without byte tokens vanish.
    model: { ...model, fields: { fuse_unk: true, byte_fallback: true } },
  };
}
