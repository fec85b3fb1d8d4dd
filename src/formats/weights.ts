// Finds the tensor of every weight a program names and checks its shape.

import { DeadliftError } from "../error.js";
import type { Program } from "../program/ops.js";
import { codecOf, quantOf } from "../quants/index.js";
import type { TensorInfo } from "./sizes.js";

/** Tensors in the order of `program.weights`. Throws MissingTensor, WrongShape or UnsupportedQuant. */
export function bindWeights<T extends TensorInfo>(program: Program, tensors: ReadonlyMap<string, T>): T[] {
  return program.weights.map(({ name, shape }) => {
    const tensor = tensors.get(name);
    if (!tensor) {
      const missing = program.weights.filter((weight) => !tensors.has(weight.name)).map((weight) => weight.name);
      const rest = missing.length > 1 ? ` (${missing.length} are missing in all)` : "";
      throw new DeadliftError(
        "MissingTensor",
        `the model's files hold no tensor for "${name}"${rest}; is the download complete?`,
      );
    }
    if (!sameShape(tensor.shape, shape)) {
      throw new DeadliftError(
        "WrongShape",
        `expected shape [${shape.join(", ")}] for tensor "${tensor.name}" (${name}), received [${tensor.shape.join(", ")}]; ` +
          "its configuration and its weights do not belong together",
      );
    }
    codecOf(tensor.quant, `"${tensor.name}"`);
    const { block } = quantOf(tensor.quant);
    if (shape.at(-1)! % block !== 0) {
      throw new DeadliftError(
        "WrongShape",
        `expected rows of whole blocks of ${block} (${tensor.quant}) for tensor "${tensor.name}", received [${shape.join(", ")}]`,
      );
    }
    return tensor;
  });
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
