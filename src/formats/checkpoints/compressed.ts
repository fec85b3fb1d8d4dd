// compressed-tensors: integers packed into words or as bytes, floats of 8 and 4 bits. What is stored says which.

import { DeadliftError, expected } from "../../error.js";
import type { CodePlane, PackedWeight, Part } from "../../packed.js";
import { isObject } from "../file.js";
import { fp8, mxfp4 } from "./floats.js";
import type { Method } from "./method.js";
import { type Module, wrongShape } from "./module.js";
import { columnGroups, groupSize, integerType, packed, type Shape, scalePlane, scaleTypes } from "./pack.js";

export function compressed<T extends Part>(module: Module<T>, shape: Shape, method: Method): PackedWeight<T> {
  refuseTransforms(method);
  if (module.has("weight_global_scale") || module.has("weight_scale_2")) {
    throw new DeadliftError(
      "UnsupportedQuant",
      `"${module.name}" is NVFP4 with a scale of the whole tensor, which cannot be run yet; take FP8 or INT4 files of the model, or its GGUF files`,
    );
  }
  if (module.find("weight_packed")?.quant === "U8") return mxfp4(module, shape);
  if (module.has("weight_packed")) return integers(module, shape, packedCodes(module, shape));
  if (module.find("weight")?.quant === "I8") return integers(module, shape, byteCodes(module, shape));
  return fp8(module, shape, method);
}

/** Rotations of activations while the model runs, and sparse weights. */
function refuseTransforms({ config, source }: Method): void {
  const { transform_config: transforms, sparsity_config: sparsity } = config;
  const rotates = isObject(transforms) && isObject(transforms.config_groups);
  if (rotates && Object.keys(transforms.config_groups as object).length > 0) {
    throw new DeadliftError("UnsupportedQuant", `the transforms of ${source} (transform_config) cannot be run`);
  }
  const format = isObject(sparsity) ? (sparsity.format ?? "dense") : "dense";
  if (format !== "dense") {
    throw new DeadliftError("UnsupportedQuant", expected('"dense"', `the sparsity_config of ${source}`, format));
  }
}

interface Codes<T> {
  readonly codes: CodePlane<T>;
  readonly zeros: (part: T, groups: number) => CodePlane<T>;
}

/** weight_packed (rows, columns * bits / 32), weight_zero_point (rows * bits / 32, groups): both raised by half a range. */
function packedCodes<T extends Part>(module: Module<T>, { rows, columns }: Shape): Codes<T> {
  const part = module.get("weight_packed", ["I32"]);
  const words = (bits: number, values: number) => Math.ceil((values * bits) / 32);
  const bits = [4, 8, 2, 3, 5, 6, 7, 1].find((each) => words(each, columns) === part.shape[1]);
  if (bits === undefined) throw wrongShape(part, `[${rows}, ${words(4, columns)}] (of four bits)`);
  module.check(part, [rows, words(bits, columns)]);
  return {
    codes: { part, packing: "words along", bits, step: 1, apart: part.shape[1]! },
    zeros(zeros, groups) {
      module.check(zeros, [words(bits, rows), groups]);
      return { part: zeros, packing: "words down", bits, step: groups, apart: 1 };
    },
  };
}

/** weight (rows, columns) and weight_zero_point (rows, groups) of I8. */
function byteCodes<T extends Part>(module: Module<T>, { rows, columns }: Shape): Codes<T> {
  const part = module.get("weight", ["I8"]);
  module.check(part, [rows, columns]);
  const plane = (each: T, apart: number) => ({ part: each, packing: "signed bytes", bits: 8, step: 1, apart }) as const;
  return {
    codes: plane(part, columns),
    zeros(zeros, groups) {
      if (zeros.byteLength === 1) return plane(zeros, 0);
      module.check(zeros, [rows, groups], ...(groups === 1 ? [[rows]] : []));
      return plane(zeros, groups);
    },
  };
}

/** weight_scale (rows, groups), (rows, 1) or one for all; weight_g_idx (columns). */
function integers<T extends Part>(module: Module<T>, shape: Shape, { codes, zeros }: Codes<T>): PackedWeight<T> {
  const { rows, columns } = shape;
  const scale = module.get("weight_scale", scaleTypes);
  const order = module.find("weight_g_idx", ["I32"]);
  const zero = module.find("weight_zero_point", [codes.packing === "signed bytes" ? "I8" : "I32"]);
  const isOne = scale.shape.length < 2 && scale.byteLength <= 4 && rows > 1;
  const count = isOne ? 1 : (scale.shape[1] ?? 1);
  if (!isOne) module.check(scale, [rows, Math.max(1, count)], ...(count === 1 ? [[rows]] : []));
  if (order) module.check(order, [columns]);
  const plane = zero && zeros(zero, count);
  const group = groupSize(columns, count, undefined, scale);
  return packed(module, shape, integerType(codes.bits, plane === undefined, scale.quant), {
    codes,
    levels: undefined,
    scales: scalePlane(scale, isOne ? {} : { rowStep: count, groupStep: 1 }),
    zeros: plane,
    zero: 2 ** (codes.bits - 1),
    zeroAdd: 0,
    group,
    groups: columnGroups(order, { columns, group, count }, true),
  });
}
