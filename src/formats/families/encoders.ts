// What encoders state alike, in config.json and in GGUF.

import type { Config, EncoderConfig } from "../../program/config.js";
import type { Fields } from "../fields.js";
import type { TensorInfo } from "../sizes.js";
import type { ClassesHead } from "./family.js";
import { headLayer } from "./heads.js";

/** Classes of the first token's state: a layer, under tanh, before the last. */
export const firstDense =
  (weight: string) =>
  ({ dim }: Config): ClassesHead => ({
    pooling: "first",
    layers: [headLayer(weight, dim, { activation: "tanh" })],
  });

/** One whose tokens have a row in no table but that of ids. */
export function plainEncoder({ dim, layers }: Pick<Config, "dim" | "layers">): EncoderConfig {
  return {
    embedding: dim,
    projects: false,
    groups: layers,
    positions: 0,
    skipped: 0,
    segments: 0,
    normBias: true,
    gated: false,
    distances: undefined,
    disentangled: undefined,
  };
}

/**
 * What most encoders state alike; `more`: what this one does otherwise. Throws InvalidConfig for decoders, and for
 * positions that are no table.
 */
export function encoderOf(
  fields: Fields,
  config: Config,
  more: Partial<EncoderConfig> = {},
): Pick<Config, "causal" | "contextLength" | "encoder"> {
  for (const key of ["is_decoder", "add_cross_attention", "use_task_id"]) {
    if (fields.boolean(key, false)) throw fields.wrong(key, "false", true);
  }
  const kind = fields.string("position_embedding_type", "absolute");
  if (kind !== "absolute") throw fields.wrong("position_embedding_type", '"absolute"', kind);
  const encoder = {
    ...plainEncoder(config),
    positions: config.contextLength,
    segments: more.segments ?? fields.size("type_vocab_size"),
    ...more,
  };
  const { positions, skipped } = encoder;
  if (positions <= skipped) throw fields.wrong("max_position_embeddings", `more than ${skipped}`, positions);
  return { causal: false, contextLength: positions - skipped, encoder };
}

/** One whose queries and keys turn, so that it needs no table of positions. */
export function turningEncoder(fields: Fields, config: Config): Pick<Config, "causal" | "encoder"> {
  const segments = fields.get("type_vocab_size") === 0 ? 0 : fields.size("type_vocab_size");
  return { causal: false, encoder: { ...plainEncoder(config), segments } };
}

/** What converters leave to the tensors; its rows of positions that are nobody's are not stored. */
export function encoderOfGguf(
  config: Pick<Config, "dim" | "layers">,
  tensors: ReadonlyMap<string, TensorInfo>,
): EncoderConfig {
  return {
    ...plainEncoder(config),
    positions: tensors.get("embed.positions")?.shape[0] ?? 0,
    segments: tensors.get("embed.segments")?.shape[0] ?? 0,
    normBias: tensors.has("embed.norm.bias"),
  };
}
