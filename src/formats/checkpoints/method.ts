// How a checkpoint says that its weights are quantised.

import { isObject, type JsonObject } from "../file.js";

export interface Method {
  /** `quant_method`, or what stands for it. */
  readonly name: string;
  readonly config: JsonObject;
  /** The path of config.json. */
  readonly source: string;
}

/** What config.json says, or undefined for a model that is not quantised. */
export function methodOf(json: JsonObject | undefined, source: string): Method | undefined {
  const text = isObject(json?.text_config) ? json.text_config : undefined;
  const places = [json, text].flatMap((each) => [each?.quantization_config, each?.compression_config]);
  const config = places.find(isObject);
  if (config) {
    const name = typeof config.quant_method === "string" ? config.quant_method : unnamed(config);
    return { name: name.toLowerCase().slice(0, 100), config, source };
  }
  return isObject(json?.quantization) ? { name: "mlx", config: json.quantization, source } : undefined;
}

function unnamed(config: JsonObject): string {
  if (isObject(config.config_groups)) return "compressed-tensors";
  if (config.load_in_4bit === true || config.load_in_8bit === true) return "bitsandbytes";
  return "a method without a name";
}
