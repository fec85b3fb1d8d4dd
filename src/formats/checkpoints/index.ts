// Which tensor or packed weight stands for each weight of a program, in checkpoints quantised by any method.

import { DeadliftError } from "../../error.js";
import { isPacked, type MadeWeight, type PackedWeight, type Part } from "../../packed.js";
import type { Config } from "../../program/config.js";
import type { Program } from "../../program/ops.js";
import type { Format } from "../names.js";
import { matricesOf } from "../weights.js";
import { bitsandbytes } from "./bitsandbytes.js";
import { compressed } from "./compressed.js";
import { fp8, mxfp4 } from "./floats.js";
import { gptOssExperts, gptOssModules } from "./gpt_oss.js";
import { awq, gptq } from "./gptq.js";
import { addLatent } from "./latent.js";
import type { Method } from "./method.js";
import { type Module, modulesOf } from "./module.js";
import type { Shape } from "./pack.js";
import { splitQkv, splitStacks } from "./split.js";
import { addTransposed } from "./transposed.js";
import { turnMatrices } from "./turned.js";

export { type Method, methodOf } from "./method.js";

type Unpack = <T extends Part>(module: Module<T>, shape: Shape, method: Method) => PackedWeight<T>;

const methods: Readonly<Record<string, Unpack>> = {
  gptq,
  awq,
  fp8,
  fbgemm_fp8: fp8,
  modelopt: compressed,
  "compressed-tensors": compressed,
  bitsandbytes,
  mxfp4,
};

interface Stored<T> {
  /** By canonical name. */
  readonly tensors: ReadonlyMap<string, T>;
  readonly unused: readonly T[];
  readonly method: Method | undefined;
  readonly config: Pick<Config, "architecture">;
  readonly format: Format;
  readonly type: string | undefined;
}

/**
 * The tensors by canonical name, packed weights in the places of their parts. What is stored decides: a weight without
 * scales is a plain one, whatever lists of excluded modules say. Throws MissingTensor, WrongShape, UnsupportedQuant,
 * InvalidConfig, InvalidSafetensors.
 */
export function unpackable<T extends Part>(
  program: Program,
  { tensors, unused, method, config, format, type }: Stored<T>,
): ReadonlyMap<string, T | MadeWeight<T>> {
  const all = [...new Set([...tensors.values(), ...unused])];
  const found = new Map<string, T | MadeWeight<T>>(tensors);
  if (config.architecture === "gpt_oss") addExperts(found, program, unused);
  else refuseScales(unused);
  addLatent(found, program);
  if (format === "safetensors") turnMatrices(found, program, type);
  else {
    splitQkv(found, program);
    splitStacks(found, program);
  }
  addTransposed(found, program);
  // GGUF has no parts, and only quantised safetensors have.
  if (!method && !all.some(({ name }) => /\.(?:weight_scale|weight_scale_inv|qweight|SCB|absmax)$/.test(name))) {
    return found;
  }
  const modules = modulesOf(all, type);
  const tied = tensors.get("embed") !== undefined && tensors.get("embed") === tensors.get("output");
  const stored = { has: (name: string) => found.has(name) || modules.has(name) };
  for (const { name, shape } of program.weights.flatMap((weight) => matricesOf(weight, stored))) {
    const made = found.get(name);
    if (shape.length !== 2 || (made && isPacked(made))) continue;
    const module = modules.get(name) ?? (tied ? modules.get("embed") : undefined);
    if (module?.isPlain) continue;
    if (module && (!method || isSupported(method))) {
      const known = tied && name === "output" ? found.get("embed") : undefined;
      found.set(name, known && isPacked(known) ? known : unpack(module, shape, method));
    } else if (method && !isSupported(method)) throw unsupported(method);
  }
  return found;
}

function addExperts<T extends Part>(
  found: Map<string, T | MadeWeight<T>>,
  program: Program,
  unused: readonly T[],
): void {
  const modules = gptOssModules(unused);
  for (const { name, shape } of program.weights) {
    const made = gptOssExperts(modules, name, shape);
    if (made) found.set(name, made);
  }
}

/** Codes of all experts in one tensor would be taken for weights. */
function refuseScales(unused: readonly Part[]): void {
  const scales = unused.find(({ name }) => /\.experts\.(?:gate_up_proj|down_proj)_\w+$/.test(name));
  if (!scales) return;
  throw new DeadliftError(
    "UnsupportedQuant",
    `"${scales.name}" says that all experts are quantised in one tensor; take the model with a tensor for each expert, as GGUF, or not quantised`,
  );
}

function isSupported({ name }: Method): boolean {
  return Object.hasOwn(methods, name);
}

function unsupported({ source, name }: Method): DeadliftError {
  const list = Object.keys(methods).join(", ");
  return new DeadliftError(
    "UnsupportedQuant",
    `${source} says that the weights are quantised by ${name}, expected one of ${list}; ` +
      "take the model quantised by one of those, as GGUF, or not quantised",
  );
}

function unpack<T extends Part>(
  module: Module<T>,
  [rows, columns]: readonly number[],
  method: Method | undefined,
): PackedWeight<T> {
  if (!method) {
    throw new DeadliftError(
      "UnsupportedQuant",
      `"${module.name}" is quantised (${module.partNames.join(", ")}), but its config.json has no quantization_config that says how; download it again`,
    );
  }
  return methods[method.name]!(module, { rows: rows!, columns: columns! }, method);
}
