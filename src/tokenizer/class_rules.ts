// What Python makes of a tokenizer.json by its tokenizer_class: some classes rebuild all but the vocabulary.
import { isRecord, type PartJson } from "./parts.js";
import type { TokenizerJson } from "./schema.js";

type Config = Readonly<Record<string, unknown>>;
/** The parts that a class makes itself. */
type Rule = (json: TokenizerJson, config: Config) => Partial<TokenizerJson>;

// Model types for which transformers 5 takes the file as it is, whatever the class says
// (TOKENIZER_MAPPING_NAMES and MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS of models/auto/tokenization_auto.py).
const asWritten = new Set(
  `arctic aria bigbird_pegasus camembertv2-base chatlm cohere_asr ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe
   glm4_moe_lite glm4v glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode granite granitemoe granitemoehybrid
   granitemoeshared h2ovl_chat hyperclovax hyperclovax_vlm hyperclovax_vision_v2 internlm2 internlm3 iquestcoder jamba
   kimi_k25 kimi_linear kosmos-2 llava llava_next mimo_v2_flash minicpm3 minicpm_ocr minicpmv minicpmv4_6 minicpmv4_7
   minimax_m2 ministral ministral3 mistral mistral3 mistral_large4 mixtral modernbert modernbert-decoder molmo molmo2
   nemotron nvfp4 nystromformer olmo2 olmo3 olmo_hybrid opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v
   phimoe pixtral qwen2 qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen4_exp siglip2 smolvlm stablelm step3_vl umt5 vipllava
   voxtral voxtral_realtime xlm-roberta-xl`.split(/\s+/),
);

const rules: Readonly<Record<string, Rule>> = {
  LlamaTokenizer: llama,
  ...same(bert, "BertTokenizer DistilBertTokenizer ElectraTokenizer MobileBertTokenizer"),
  MPNetTokenizer: mpnet,
  ...same(roberta, "RobertaTokenizer BartTokenizer LongformerTokenizer"),
  XLMRobertaTokenizer: xlmRoberta,
  AlbertTokenizer: albert,
  T5Tokenizer: t5,
  DebertaV2Tokenizer: deberta,
};

/** The class of a model type whose configuration names none. */
const classes: Readonly<Record<string, string>> = {
  ...same(
    "BertTokenizer",
    "bert convbert distilbert electra ernie layoutlm megatron-bert nezha nomic_bert squeezebert",
  ),
  mpnet: "MPNetTokenizer",
  ...same("RobertaTokenizer", "bart data2vec-text ibert longformer roberta roberta-prelayernorm"),
  ...same("XLMRobertaTokenizer", "gte jina_embeddings_v3 xlm-roberta xmod"),
  albert: "AlbertTokenizer",
  ...same("T5Tokenizer", "t5 mt5 switch_transformers"),
  "deberta-v2": "DebertaV2Tokenizer",
};

function same<T>(value: T, names: string): Record<string, T> {
  return Object.fromEntries(names.split(" ").map((name) => [name, value]));
}

/**
 * The tokenizer.json Python would run. GPT2Tokenizer rebuilds too, but only since transformers 5 and without the cuts that
 * the vocabularies of StarCoder 2 or SmolLM were trained with; there the file counts.
 */
export function classRules(json: TokenizerJson, config: Config, modelType: string | undefined): TokenizerJson {
  if (asWritten.has(modelType ?? "")) return json;
  const named = typeof config.tokenizer_class === "string" ? config.tokenizer_class.replace(/Fast$/, "") : undefined;
  const name = named ?? (Object.hasOwn(classes, modelType ?? "") ? classes[modelType!] : undefined);
  const rule = name !== undefined && Object.hasOwn(rules, name) ? rules[name] : undefined;
  return rule ? { ...json, ...rule(json, config) } : json;
}

function llama(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  const { model, ...rest } = json;
  if (model.type !== "BPE" || JSON.stringify(rest).includes('"ByteLevel"')) return {};
  const prefixed = config.add_prefix_space !== false;
  const scheme = !prefixed ? "never" : config.legacy === true ? "always" : "first";
  return {
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

function bert(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  return { ...wordPiece(json, config), ...bertEnds(json, config) };
}

function mpnet(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  return { ...wordPiece(json, config), ...robertaEnds(json, config, false) };
}

function wordPiece({ model }: TokenizerJson, config: Config): Partial<TokenizerJson> {
  if (model.type !== "WordPiece") return {};
  const unk_token = spelled(config.unk_token, "[UNK]");
  return {
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: flag(config.tokenize_chinese_chars, true),
      strip_accents: config.strip_accents ?? null,
      lowercase: flag(config.do_lower_case, true),
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: { ...model, fields: { unk_token, continuing_subword_prefix: "##", max_input_chars_per_word: 100 } },
  };
}

function roberta(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  if (json.model.type !== "BPE") return {};
  const add_prefix_space = flag(config.add_prefix_space, false);
  const bytes = { type: "ByteLevel", add_prefix_space, trim_offsets: true, use_regex: true };
  const fields = { continuing_subword_prefix: "", end_of_word_suffix: "" };
  const parts = { normalizer: null, pre_tokenizer: bytes, decoder: bytes, model: { ...json.model, fields } };
  return { ...parts, ...robertaEnds(json, config, add_prefix_space) };
}

function xlmRoberta(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  const [bos, eos] = [spelled(config.bos_token, "<s>"), spelled(config.eos_token, "</s>")];
  const post_processor = template(json, `${bos} $A ${eos}`, `${bos} $A ${eos} ${eos} $B ${eos}`);
  return { ...unigram(json, config, 3, charsmap(json)), ...post_processor };
}

function albert(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  const quotes = ["``", "''"].map((two) => ({ type: "Replace", pattern: { String: two }, content: '"' }));
  const accents = flag(config.keep_accents, false) ? [] : [{ type: "NFKD" }, { type: "StripAccents" }];
  const lowercase = flag(config.do_lower_case, true) ? [{ type: "Lowercase" }] : [];
  const normalizers = [...quotes, ...accents, ...lowercase, ...charsmap(json)];
  const post_processor = template(json, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1");
  return { ...unigram(json, config, 1, normalizers), ...post_processor };
}

function t5(json: TokenizerJson): Partial<TokenizerJson> {
  return { ...unigram(json, {}, 2, charsmap(json)), ...template(json, "$A </s>", "$A </s> $B </s>") };
}

/** Without the file's charsmap, which Python leaves out. */
function deberta(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  const { tokens, scores } = json.model;
  const unk = tokens.indexOf(spelled(config.unk_token, "[UNK]"));
  const given = typeof config.unk_id === "number" ? config.unk_id : 1;
  const cut = flag(config.split_by_punct, false) ? [{ type: "Punctuation", behavior: "Isolated" }] : [];
  const normalizers = [
    ...(flag(config.do_lower_case, false) ? [{ type: "Lowercase" }] : []),
    { type: "Replace", pattern: { Regex: String.raw`\s{2,}|[\n\r\t]` }, content: " " },
    { type: "NFC" },
    { type: "Strip", strip_left: false, strip_right: true },
  ];
  const made = unigram(json, config, scores?.[unk] === 0 ? unk : given, normalizers);
  const space = metaspace(flag(config.add_prefix_space, true) ? "always" : "first");
  return { ...made, pre_tokenizer: { type: "Sequence", pretokenizers: [...cut, space] }, ...bertEnds(json, config) };
}

function unigram(
  { model }: TokenizerJson,
  config: Config,
  unk_id: number,
  normalizers: PartJson[],
): Partial<TokenizerJson> {
  if (model.type !== "Unigram") return {};
  const space = metaspace(flag(config.add_prefix_space, true) ? "always" : "never");
  return {
    normalizer: normalizers.length > 0 ? { type: "Sequence", normalizers } : null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "WhitespaceSplit" }, space] },
    decoder: space,
    model: { ...model, fields: { unk_id, byte_fallback: false } },
  };
}

const metaspace = (prepend_scheme: string) => ({ type: "Metaspace", replacement: "▁", prepend_scheme, split: true });

/** The file's map of characters, alone or first among others. */
function charsmap({ normalizer }: TokenizerJson): PartJson[] {
  const parts = normalizer?.type === "Sequence" ? (normalizer.normalizers as PartJson[]) : [normalizer];
  return parts.filter((part): part is PartJson => part?.type === "Precompiled").slice(0, 1);
}

function bertEnds(json: TokenizerJson, config: Config): Partial<TokenizerJson> {
  const [cls, sep] = [spelled(config.cls_token, "[CLS]"), spelled(config.sep_token, "[SEP]")];
  return template(json, `${cls} $A ${sep}`, `${cls} $A ${sep} $B:1 ${sep}:1`);
}

function robertaEnds(json: TokenizerJson, config: Config, add_prefix_space: boolean): Partial<TokenizerJson> {
  const [cls, sep] = [spelled(config.cls_token, "<s>"), spelled(config.sep_token, "</s>")];
  const ids = [idOf(json, cls), idOf(json, sep)];
  if (ids.includes(undefined)) return {};
  return {
    post_processor: {
      type: "RobertaProcessing",
      cls: [cls, ids[0]],
      sep: [sep, ids[1]],
      trim_offsets: true,
      add_prefix_space,
    },
  };
}

/** A template from its usual notation, where its tokens are in the vocabulary. */
function template(json: TokenizerJson, single: string, pair: string): Partial<TokenizerJson> {
  const special_tokens: Record<string, unknown> = {};
  const pieces = (text: string) =>
    text.split(" ").map((piece) => {
      const [, id, type] = /^(.+?)(?::(\d))?$/.exec(piece)!;
      const type_id = Number(type ?? 0);
      if (id!.startsWith("$")) return { Sequence: { id: id!.slice(1), type_id } };
      special_tokens[id!] = { id, ids: [idOf(json, id!)], tokens: [id] };
      return { SpecialToken: { id, type_id } };
    });
  const post_processor = { type: "TemplateProcessing", single: pieces(single), pair: pieces(pair), special_tokens };
  const known = Object.keys(special_tokens).every((token) => idOf(json, token) !== undefined);
  return known ? { post_processor } : {};
}

function idOf({ model, added_tokens }: TokenizerJson, token: string): number | undefined {
  const id = model.tokens.indexOf(token);
  return id >= 0 ? id : added_tokens.find(({ content }) => content === token)?.id;
}

const flag = (value: unknown, fallback: boolean) => (value === undefined || value === null ? fallback : Boolean(value));

/** The spelling of a token in a config, where it has one. */
function spelled(token: unknown, fallback: string): string {
  const content = isRecord(token) ? token.content : token;
  return typeof content === "string" ? content : fallback;
}
