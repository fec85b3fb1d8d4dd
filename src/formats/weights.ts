// Finds the tensor of every weight a program names and checks its shape.

import { DeadliftError } from "../error.js";
import type { Program, Weight } from "../program/ops.js";
import { codecOf, quantOf } from "../quants/index.js";
import type { TensorInfo } from "./sizes.js";

/** A weight, or the matrices of a stack that files hold apart. */
export type Bound<T> = T | readonly T[];

/**
 * Tensors in the order of `program.weights`. A stack "layers.0.ffn.experts.up" that is not there may be so many matrices
 * "layers.0.ffn.experts.0.up" and so on; a vector "layers.0.attention.q_norm" may be so many parts, one after another.
 * Throws MissingTensor, WrongShape or UnsupportedQuant.
 */
export function bindWeights<T extends TensorInfo>(program: Program, tensors: ReadonlyMap<string, T>): Bound<T>[] {
  const all = program.weights.map((weight) => matricesOf(weight, tensors));
  return all.map((matrices) => {
    const bound = matrices.map((matrix) => bind(matrix, tensors, all));
    const other = bound.find(({ quant }) => quant !== bound[0]!.quant);
    if (other) {
      throw new DeadliftError(
        "UnsupportedQuant",
        `expected experts of one type, received ${bound[0]!.quant} for "${bound[0]!.name}" and ${other.quant} for "${other.name}"`,
      );
    }
    return bound.length === 1 ? bound[0]! : bound;
  });
}

/**
 * A weight as it is, or the matrices of a stack, or the parts of a vector, that is not there as a whole; of matrices up to the
 * first that is not there either, so that a configuration may state any number of them.
 */
export function matricesOf(weight: Weight, tensors: Pick<ReadonlySet<string>, "has">): readonly Weight[] {
  const { name, shape } = weight;
  if (shape.length === 1 && tensors.has(`${name}.0`) && !tensors.has(name)) return partsOf(weight, tensors);
  const [count, ...matrix] = shape;
  const nameOf = (i: number) => name.replace(".experts.", `.experts.${i}.`);
  if (shape.length !== 3 || tensors.has(name) || nameOf(0) === name) return [weight];
  const matrices: Weight[] = [];
  for (let i = 0; i < count!; i++) {
    matrices.push({ name: nameOf(i), shape: matrix });
    if (!tensors.has(nameOf(i))) break;
  }
  return matrices;
}

/** As many as there are, all of one size. */
function partsOf({ name, shape }: Weight, tensors: Pick<ReadonlySet<string>, "has">): readonly Weight[] {
  let count = 1;
  while (tensors.has(`${name}.${count}`)) count++;
  return Array.from({ length: count }, (_, i) => ({ name: `${name}.${i}`, shape: [shape[0]! / count] }));
}

function bind<T extends TensorInfo>(
  { name, shape }: Weight,
  tensors: ReadonlyMap<string, T>,
  all: readonly (readonly Weight[])[],
): T {
  const tensor = tensors.get(name);
  if (!tensor) {
    const missing = all.flat().filter((weight) => !tensors.has(weight.name));
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
}

/**
 * Sizes of 1 do not count: taps of convolutions are (channels, 1, taps) in one format, (channels, taps) in another. Vectors
 * of several groups may be matrices.
 */
function sameShape(stored: readonly number[], wanted: readonly number[]): boolean {
  const [a, b] = [stored, wanted].map((shape) => shape.filter((size) => size !== 1)) as [number[], number[]];
  if (wanted.length === 1) return a.reduce((product, size) => product * size, 1) === wanted[0];
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
