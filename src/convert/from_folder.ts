// A folder in Hub layout as the source of a GGUF file: names, order, metadata and tokenizer as llama.cpp's converter makes them.

import { basename, dirname, join, resolve } from "node:path";
import { DeadliftError } from "../error.js";
import { ggufArchitecture } from "../formats/config_gguf.js";
import { isObject, readJson, readTextStart } from "../formats/file.js";
import { type GgufEntry, text, texts, u32 } from "../formats/gguf_values.js";
import { maxConfigBytes } from "../formats/headers.js";
import { ggufName } from "../formats/names.js";
import type { OpenedModel } from "../formats/open.js";
import type { MappedFile } from "../native.js";
import { isPacked, partsOf, type Weight } from "../packed.js";
import type { FileType } from "../quants/file_types.js";
import { canQuantise } from "../quants/mixes.js";
import { tokenizerToGguf } from "../tokenizer/to_gguf/index.js";
import { readCard } from "./card.js";
import { generalEntries } from "./general_keys.js";
import { ropeFactors, rowOrder } from "./layout.js";
import { modelEntries } from "./model_keys.js";
import type { ModelSource, SourceTensor } from "./source.js";

/** Cards are prose; their front matter is at the start. */
const maxCardBytes = 64 * 2 ** 10;

/** GGML_QNT_VERSION of ggml.h. */
export const quantizationVersion = 2;

/**
 * `opened` is closed with the source; `weights` are its tensors by canonical name, packed weights in the places of their
 * parts. `id`: what the model is called, if not as its folder. Throws UnsupportedArchitecture for tensors that GGUF has
 * no name for.
 */
export function folderSource(
  opened: OpenedModel,
  weights: ReadonlyMap<string, Weight>,
  id: string | undefined,
): ModelSource {
  const { config, files } = opened;
  const folder = dirname(resolve(files[0]!.path));
  refuseLost(opened, weights);
  const tensors = sourceTensors(opened, weights);
  const parameters = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const { architecture, layers, heads, kvHeads } = config;
  return {
    tensors,
    model: { architecture, layers, heads, kvHeads, experts: config.experts.count },
    inputs: files.map(({ path }) => path),
    alignment: undefined,
    entries: (fileType, withTexts) =>
      folderEntries(opened, { folder, id: id ?? basename(folder), parameters }, fileType, withTexts),
    close: () => opened.close(),
  };
}

/** In the order of the files and of the names in them, with tensors that only GGUF has before them. */
function sourceTensors({ config }: OpenedModel, weights: ReadonlyMap<string, Weight>): SourceTensor[] {
  const named = [...weights].filter(([name, weight]) => name !== "output" || weight !== weights.get("embed"));
  const fileOrder = [...new Set(named.map(([, weight]) => fileOf(weight)))];
  const place = (weight: Weight) => fileOrder.indexOf(fileOf(weight));
  named.sort(([, a], [, b]) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
  const factors = ropeFactors(config);
  const architecture = ggufArchitecture(config.architecture).name;
  const extra: SourceTensor[] = factors
    ? [{ name: "rope_freqs.weight", shape: [factors.length], source: factors, quant: "F32" }]
    : [];
  return [
    ...extra,
    ...named.map(([canonical, source]): SourceTensor => {
      const name = ggufName(canonical, architecture)!;
      const { shape } = source;
      // Vectors, norms and biases become F32, matrices what the file type says.
      const quant = canQuantise({ name, shape }) ? source.quant : "F32";
      return { name, shape, source, quant, order: rowOrder(canonical, shape[0]!, config) };
    }),
  ];
}

function fileOf(weight: Weight): MappedFile {
  if (!isPacked(weight)) return weight.file;
  return partsOf(weight)[0]!.file;
}

function refuseLost({ path, unused }: OpenedModel, weights: ReadonlyMap<string, Weight>): void {
  const packed = [...weights.values()].filter((weight) => isPacked(weight));
  const modules = new Set(packed.map(({ name }) => name.replace(/\.weight$/, "")));
  const sources = [...weights.values()].flatMap((weight) => (isPacked(weight) ? partsOf(weight) : [weight]));
  const parts = new Set(sources.map(({ name }) => name));
  const isPart = (name: string) =>
    parts.has(name) || name.split(".").some((_, i, words) => modules.has(words.slice(0, i).join(".")));
  const lost = unused.find(({ name }) => !isPart(name) && !isNeedless(name));
  if (!lost) return;
  throw new DeadliftError(
    "UnsupportedArchitecture",
    `cannot write ${path} as GGUF: tensor "${lost.name}" has no place there`,
  );
}

/** Tensors that old files carry along, and parts of multi-modal models besides the language model. */
function isNeedless(name: string): boolean {
  if (/\.(attention\.(masked_)?bias|rotary_emb\.inv_freq)$/.test(name)) return true;
  // How a runtime is to round activations, keys and values; none is rounded here.
  if (/\.([qkv]|input|output)_(scale|zero_point)$/.test(name)) return true;
  return /(^|\.)(vision_|visual\.|vision\.|audio_|audio\.|multi_modal_projector|mm_projector|image_newline)|projector\./.test(
    name,
  );
}

interface Place {
  readonly folder: string;
  readonly id: string;
  readonly parameters: number;
}

async function folderEntries(
  opened: OpenedModel,
  { folder, id, parameters }: Place,
  fileType: FileType,
  withTexts: boolean,
): Promise<GgufEntry[]> {
  const [readme, config = {}, generation = {}] = await Promise.all([
    readTextStart(join(folder, "README.md"), maxCardBytes).catch(() => undefined),
    readJson(join(folder, "config.json"), maxConfigBytes),
    readJson(join(folder, "generation_config.json"), maxConfigBytes),
  ]);
  // Python's configurations of the others fill it in.
  const inner = isObject(config.text_config) ? config.text_config : config;
  const statesHeadDim = opened.config.architecture !== "qwen2" || typeof inner.head_dim === "number";
  return [
    text("general.architecture", ggufArchitecture(opened.config.architecture).name),
    text("general.type", "model"),
    ...generalEntries({ id, card: readCard(readme ?? ""), config, generation, parameters }),
    ...modelEntries(opened.config, fileType.id, statesHeadDim),
    u32("general.quantization_version", quantizationVersion),
    ...(withTexts ? await textEntries(opened, config) : []),
  ];
}

async function textEntries(opened: OpenedModel, modelConfig: Readonly<Record<string, unknown>>): Promise<GgufEntry[]> {
  const { tokenizerJson, tokenizerConfig, specialTokensMap, modelType, config, generation, path } = opened;
  if (tokenizerJson === undefined) {
    throw new DeadliftError("InvalidTokenizer", `expected tokenizer.json beside the weights of ${path}, found none`);
  }
  const ends = generation.eos.length > 0 ? generation.eos : config.tokens.eos;
  const files = { config: tokenizerConfig, specialTokensMap, modelType, modelConfig, vocab: config.vocab, ends };
  return [...(await tokenizerToGguf(tokenizerJson, files)), ...templateEntries(opened.chatTemplates)];
}

/** Templates under their names; the list of names lets readers find them. */
function templateEntries(templates: OpenedModel["chatTemplates"]): GgufEntry[] {
  const key = "tokenizer.chat_template";
  const named = templates
    .filter(({ name }) => name !== "default")
    .map(({ name, template }) => ({ name: name.replaceAll(/[^A-Za-z0-9]/g, "_"), template }));
  const standard = templates.find(({ name }) => name === "default");
  return [
    ...named.map(({ name, template }) => text(`${key}.${name}`, template)),
    ...(named.length > 0 ? [texts(`${key}s`, [...new Set(named.map(({ name }) => name))])] : []),
    ...(standard ? [text(key, standard.template)] : []),
  ];
}
