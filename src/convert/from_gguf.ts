// A GGUF file as the source of another: all metadata as it stands, except what the quantisation changes.

import { basename, dirname, join } from "node:path";
import { WeightFiles } from "../formats/file.js";
import type { Metadata } from "../formats/gguf_metadata.js";
import { rawEntries } from "../formats/gguf_raw.js";
import { u32 } from "../formats/gguf_values.js";
import { openGguf, splitNames } from "../formats/shards.js";
import { inLayerOrder, type MixModel } from "../quants/mixes.js";
import { quantizationVersion } from "./from_folder.js";
import type { ModelSource } from "./source.js";

/** Opens a file, and when it is a part of several, all of them. Throws what openModel throws for such files. */
export async function ggufSource(path: string, signal: AbortSignal | undefined): Promise<ModelSource> {
  const files = new WeightFiles(signal);
  try {
    const { metadata, tensors } = await openGguf(path, files);
    const raw = await rawEntries(files.list[0]!);
    const alignment = metadata.get("general.alignment");
    return {
      tensors: inLayerOrder(
        tensors.map((source) => ({ name: source.name, shape: source.shape, source, quant: source.quant })),
      ),
      model: mixModel(metadata),
      inputs: splitNames(basename(path)).map((name) => join(dirname(path), name)),
      alignment: typeof alignment === "number" ? alignment : undefined,
      entries: async ({ id }, texts) => [
        ...raw.filter(({ key }) => isKept(key, texts)),
        u32("general.quantization_version", quantizationVersion),
        u32("general.file_type", id),
      ],
      close: () => files.close(),
    };
  } catch (error) {
    files.close();
    throw error;
  }
}

function isKept(key: string, texts: boolean): boolean {
  if (["general.quantization_version", "general.file_type"].includes(key) || key.startsWith("split.")) return false;
  return texts || !key.startsWith("tokenizer.");
}

/** What the rules of mixes ask; numbers that vary between layers count for the first. */
function mixModel(metadata: Metadata): MixModel {
  const architecture = metadata.get("general.architecture");
  const name = typeof architecture === "string" ? architecture : "";
  const count = (key: string, otherwise: number) => {
    const value = metadata.get(`${name}.${key}`);
    const first = ArrayBuffer.isView(value) ? (value as Uint32Array)[0] : value;
    return typeof first === "number" ? first : otherwise;
  };
  const heads = count("attention.head_count", 0);
  const kvHeads = count("attention.head_count_kv", heads);
  return { architecture: name, layers: count("block_count", 0), heads, kvHeads, experts: count("expert_count", 0) };
}
