// The `{architecture}.*` keys of GGUF: a Config as llama.cpp's converter states it.

import { DeadliftError } from "../error.js";
import { ggufArchitecture } from "../formats/config_gguf.js";
import { f32, type GgufEntry, text, u32 } from "../formats/gguf_values.js";
import type { Config } from "../program/config.js";

/** `statesHeadDim`: the size of a head is written down, not left to follow. Throws UnsupportedArchitecture for what GGUF cannot say. */
export function modelEntries(config: Config, fileType: number, statesHeadDim: boolean): GgufEntry[] {
  const { dim, ffn, heads, kvHeads, headDim, rope, experts } = config;
  const { name: architecture } = ggufArchitecture(config.architecture);
  const key = (name: string) => `${architecture}.${name}`;
  const window = windowOf(config);
  const stated = statesHeadDim || headDim * heads !== dim;
  return [
    u32(key("block_count"), config.layers),
    u32(key("context_length"), config.contextLength),
    u32(key("embedding_length"), dim),
    u32(key("feed_forward_length"), ffn),
    u32(key("attention.head_count"), heads),
    u32(key("attention.head_count_kv"), kvHeads),
    ...scalingEntries(config),
    f32(key("rope.freq_base"), rope.theta),
    f32(key("attention.layer_norm_rms_epsilon"), config.normEpsilon),
    ...(window === undefined ? [] : [u32(key("attention.sliding_window"), window)]),
    ...(stated ? [u32(key("attention.key_length"), headDim), u32(key("attention.value_length"), headDim)] : []),
    ...(experts.count === 0
      ? []
      : [
          u32(key("expert_count"), experts.count),
          u32(key("expert_used_count"), experts.used),
          u32(key("expert_feed_forward_length"), experts.ffn),
        ]),
    u32("general.file_type", fileType),
    ...(architecture === "llama" ? [u32(key("vocab_size"), config.vocab)] : []),
    ...(architecture === "llama" || rope.dims !== headDim ? [u32(key("rope.dimension_count"), rope.dims)] : []),
  ];
}

/** llama.cpp runs these models without windows; our own reader takes this key. */
function windowOf({ windows, architecture }: Config): number | undefined {
  const { slides = () => true } = ggufArchitecture(architecture).known;
  const first = windows.find((_, layer) => slides(layer));
  if (windows.every((window, layer) => window === (slides(layer) ? first : undefined))) return first;
  throw unsayable(architecture, "windows of these sizes in these layers");
}

function scalingEntries({ architecture: ours, rope }: Config): GgufEntry[] {
  const { scaling } = rope;
  const { name: architecture, known } = ggufArchitecture(ours);
  const key = (name: string) => `${architecture}.rope.scaling.${name}`;
  switch (scaling?.type) {
    case undefined:
      return [];
    case "linear":
      return [text(key("type"), "linear"), f32(key("factor"), scaling.factor)];
    case "llama3": // a tensor: rope_factors.ts
      if (architecture === "llama") return [];
      throw unsayable(architecture, "llama3 rope scaling");
    case "longrope":
      throw unsayable(architecture, "longrope rope scaling");
    case "yarn": {
      if (scaling.truncate !== (known.truncate ?? true)) {
        throw unsayable(architecture, `yarn that ${scaling.truncate ? "truncates" : "does not truncate"}`);
      }
      const { factor, attentionFactor } = scaling;
      // GGUF's factor multiplies the one that follows from the stretching.
      const natural = factor > 1 ? 0.1 * Math.log(factor) + 1 : 1;
      return [
        text(key("type"), "yarn"),
        f32(key("factor"), factor),
        u32(key("original_context_length"), scaling.originalContextLength),
        ...(attentionFactor === undefined ? [] : [f32(key("attn_factor"), attentionFactor / natural)]),
        f32(key("yarn_beta_fast"), scaling.betaFast),
        f32(key("yarn_beta_slow"), scaling.betaSlow),
      ];
    }
  }
}

function unsayable(architecture: string, what: string): DeadliftError {
  return new DeadliftError("UnsupportedArchitecture", `GGUF cannot say of a ${architecture} model that it has ${what}`);
}
