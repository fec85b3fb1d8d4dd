// What a family of models says of itself, in config.json, in GGUF and in the names of its tensors: one file each here.

import type { Config, HeadLayer, RopeConfig } from "../../program/config.js";
import type { Activation, Pooling } from "../../program/ops.js";
import type { Fields } from "../fields.js";
import type { JsonObject } from "../file.js";
import type { Format } from "../names.js";
import type { TensorInfo } from "../sizes.js";

export interface Family {
  /** By `model_type` of config.json. */
  readonly types: Readonly<Record<string, ModelType>>;
  /** By `general.architecture` of GGUF. */
  readonly gguf?: Readonly<Record<string, Known>>;
  /** Of tensors whose names most others do not have, or use for something else. */
  readonly names?: Partial<Readonly<Record<Format, FamilyNames>>>;
}

/** How config.json is read; what is not said here is as in most models. */
export interface ModelType {
  /** As it is called here: a key of architectures/index.ts. */
  readonly architecture: string;
  /** What transformers' configuration class takes for keys that are absent. */
  readonly defaults?: JsonObject;
  /** Keys of this type, to those that most have. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Keys that it leaves out, or states otherwise, as most others would state them. */
  readonly sizes?: (fields: Fields) => JsonObject;
  /** Which two values of a head turn together; default: half. */
  readonly layout?: RopeConfig["layout"];
  /** Default: `hidden_act`, which is silu if absent. */
  readonly activation?: (fields: Fields) => Activation;
  /** How layers turn: those that see everything, and those with a window where that is otherwise. Default: all the same. */
  readonly ropes?: (fields: Fields) => { readonly full: RopeFields; readonly local: RopeFields };
  /** Default: none. */
  readonly bias?: (fields: Fields) => Config["bias"];
  /** Default: none. */
  readonly experts?: (fields: Fields, layers: number) => Config["experts"];
  /** Default: none. */
  readonly windows?: (fields: Fields, layers: number) => Config["windows"];
  /** Of encoders: what their heads are before the last layer. Others are decoders. */
  readonly heads?: EncoderHeads;
  /** Whatever else it states, or states otherwise. `config`: what the rest came to. */
  readonly more?: (fields: Fields, config: Config) => Partial<Config>;
}

/** The heads that an encoder may have; `config`: what the rest came to. */
export interface EncoderHeads {
  /** Between the last states and the output matrix, whose bias is `output.bias`; undefined for classes that lack it. */
  readonly masked?: (fields: Fields, config: Config) => MaskedHead | undefined;
  /** Between the last states and the classes of a text. */
  readonly classes?: (fields: Fields, config: Config) => ClassesHead;
  /** Between the last states and the classes of a token; default: nothing. */
  readonly tokenClasses?: (fields: Fields, config: Config) => readonly HeadLayer[];
}

export interface MaskedHead {
  readonly layers: readonly HeadLayer[];
  /** Of the output matrix. */
  readonly bias: boolean;
}

export interface ClassesHead {
  readonly pooling: Pooling;
  /** Layers, the last one too, come before the pooling; default: after it. */
  readonly late?: boolean;
  readonly layers: readonly HeadLayer[];
}

/** The object that says how queries and keys turn, where there is one, and the fields around it. */
export interface RopeFields {
  readonly own: Fields | undefined;
  readonly outer: Fields;
}

/** What GGUF leaves to its readers to know about an architecture. */
export interface Known {
  /** As it is called here. */
  readonly name: string;
  /** Default: half. Llama's converter permutes q and k, so that neighbours turn together. */
  readonly layout?: RopeConfig["layout"];
  /** Default: silu. */
  readonly activation?: Activation;
  /** It has experts; default: never. */
  readonly mixture?: "always" | "sometimes";
  /** The layers whose attention has a window, where there is one and it does not say which; default: all. */
  readonly slides?: (layer: number) => boolean;
  /** YaRN begins and ends at whole dimensions; default: true. */
  readonly truncate?: boolean;
  /** Of encoders: what is between the states and the classes of a text, where it has them. Others are decoders. */
  readonly heads?: { readonly classes?: (config: Config, tensors: ReadonlyMap<string, TensorInfo>) => ClassesHead };
  /** We can write it, too; default: no. */
  readonly writes?: boolean;
  /** Keys that it leaves out, or states as a list or as 0, as most others would state them. */
  readonly sizes?: (fields: Fields) => JsonObject;
  /** Whatever else it states. `tensors` by canonical name. */
  readonly more?: (fields: Fields, config: Config, tensors: ReadonlyMap<string, TensorInfo>) => Partial<Config>;
}

/**
 * From names in files, without prefix and ".weight", to canonical ones. A "*" stands for a number, in both:
 * "mlp.experts.*.up_proj" is "ffn.experts.*.up".
 */
export interface FamilyNames {
  /** What may stand before every name, any number of times. */
  readonly prefix?: RegExp;
  /** Its groups: the number of the layer, the name within. */
  readonly layer?: RegExp;
  readonly outer?: Readonly<Record<string, string>>;
  readonly inLayer?: Readonly<Record<string, string>>;
  /** Names in a layer that stand without ".weight". */
  readonly bare?: Readonly<Record<string, string>>;
  /** Whole names, with ".bias", of what is stored a second time: it counts where the first is not there. */
  readonly spare?: Readonly<Record<string, string>>;
  /** Canonical names, in a layer, of matrices that are stored with columns for rows. */
  readonly turned?: readonly string[];
}
