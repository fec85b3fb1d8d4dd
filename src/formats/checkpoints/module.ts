// One module of a quantised checkpoint: the tensors that together are its weight, each checked when it is asked for.

import { DeadliftError } from "../../error.js";
import type { Part } from "../../packed.js";
import type { QuantName } from "../../quants/index.js";
import { canonicalName } from "../names.js";

/** What checkpoints call the parts of a weight, after the name of its module. */
const partName = new RegExp(
  `^(.+?)\\.(${[
    "weight",
    "qweight|qzeros|scales|g_idx",
    "weight_packed|weight_scale|weight_scale_inv|weight_scale_2|weight_zero_point|weight_g_idx|weight_global_scale",
    "SCB|weight_format",
    "weight\\.(?:absmax|quant_map|nested_absmax|nested_quant_map)",
    "weight\\.quant_state\\.bitsandbytes__[a-z0-9]+",
  ].join("|")})$`,
  "s",
);

/** The tensors of one weight, and the shape that the program wants it to have. */
export class Module<T extends Part> {
  readonly #parts = new Map<string, T>();

  constructor(readonly name: string) {}

  add(part: string, tensor: T): void {
    this.#parts.set(part, tensor);
  }

  /** A float weight and nothing beside it. */
  get isPlain(): boolean {
    const weight = this.#parts.get("weight");
    return this.#parts.size === 1 && weight !== undefined && plainTypes.includes(weight.quant);
  }

  get partNames(): string[] {
    return [...this.#parts.keys()];
  }

  get bytes(): number {
    return [...this.#parts.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  has(part: string): boolean {
    return this.#parts.has(part);
  }

  /** Throws UnsupportedQuant for another type, when `types` are given. */
  find(part: string, types?: readonly QuantName[]): T | undefined {
    const tensor = this.#parts.get(part);
    if (tensor && types && !types.includes(tensor.quant)) {
      throw new DeadliftError(
        "UnsupportedQuant",
        `expected dtype ${types.join(" or ")} for tensor "${tensor.name}", received ${tensor.quant}`,
      );
    }
    return tensor;
  }

  /** Throws MissingTensor, UnsupportedQuant. */
  get(part: string, types?: readonly QuantName[]): T {
    const tensor = this.find(part, types);
    if (tensor) return tensor;
    throw new DeadliftError(
      "MissingTensor",
      `expected tensor "${this.name}.${part}" beside ${this.partNames.map((each) => `"${each}"`).join(", ")}, ` +
        "found none; is the download complete?",
    );
  }

  /** Throws WrongShape. */
  check(part: T, ...shapes: readonly (readonly number[])[]): void {
    const same = (shape: readonly number[]) =>
      shape.length === part.shape.length && shape.every((size, i) => size === part.shape[i]);
    if (!shapes.some(same)) throw wrongShape(part, shapes.map((shape) => `[${shape.join(", ")}]`).join(" or "));
  }
}

/** Weights that are not quantised. */
export const plainTypes: readonly QuantName[] = ["F32", "F16", "BF16", "F64"];

export function wrongShape(part: Part, what: string): DeadliftError {
  return new DeadliftError(
    "WrongShape",
    `expected shape ${what} for tensor "${part.name}", received [${part.shape.join(", ")}]; ` +
      "its configuration and its weights do not belong together",
  );
}

/** The bytes of a part, or undefined when its file is not here. Not a copy. */
export function bytesOf(part: Part): Uint8Array | undefined {
  return part.file?.bytes(part.offset, part.byteLength);
}

/** By canonical name; `type`: the model type. Throws InvalidSafetensors when two modules mean the same. */
export function modulesOf<T extends Part>(tensors: Iterable<T>, type: string | undefined): Map<string, Module<T>> {
  const modules = new Map<string, Module<T>>();
  for (const tensor of tensors) {
    const match = partName.exec(tensor.name);
    const name = match && canonicalName("safetensors", `${match[1]}.weight`, type);
    if (name) addPart(modules, name, { stem: match[1]!, part: match[2]!, tensor });
  }
  return modules;
}

/** Adds a tensor, called `stem` and `part`, to the module that `name` means. Throws as modulesOf does. */
export function addPart<T extends Part>(
  modules: Map<string, Module<T>>,
  name: string,
  { stem, part, tensor }: { stem: string; part: string; tensor: T },
): void {
  const module = modules.get(name) ?? new Module<T>(stem);
  if (module.name !== stem) {
    throw new DeadliftError(
      "InvalidSafetensors",
      `expected one weight for "${name}", received parts of "${module.name}" and "${stem}"`,
    );
  }
  module.add(part, tensor);
  modules.set(name, module);
}
