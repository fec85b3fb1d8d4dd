// FP8 with scales of tensors, rows, groups or blocks, and MXFP4: fp8 of transformers, fbgemm_fp8, ModelOpt, compressed-tensors.
//
// How those libraries round activations is not imitated: activations stay F32 here.

import { DeadliftError, expected } from "../../error.js";
import type { PackedWeight, Part, ScalePlane } from "../../packed.js";
import { isObject } from "../file.js";
import type { Method } from "./method.js";
import { type Module, wrongShape } from "./module.js";
import { packed, type Shape, scalePlane, scaleTypes } from "./pack.js";

/** weight (rows, columns) of F8_E4M3, and `weight_scale_inv` or `weight_scale`. */
export function fp8<T extends Part>(module: Module<T>, shape: Shape, method: Method): PackedWeight<T> {
  const { rows, columns } = shape;
  const weight = module.get("weight", ["F8_E4M3"]);
  module.check(weight, [rows, columns]);
  const scale = module.get(module.has("weight_scale_inv") ? "weight_scale_inv" : "weight_scale", [
    ...scaleTypes,
    "F8_E8M0",
  ]);
  const { group, steps } = placeScales(scale, shape, method);
  return packed(module, shape, "F8_SCALED", {
    codes: { part: weight, packing: "bytes", bits: 8, step: 1, apart: columns },
    levels: "F8_SCALED",
    scales: scalePlane(scale, steps),
    zeros: undefined,
    zero: 0,
    zeroAdd: 0,
    group,
    groups: undefined,
  });
}

interface Placed {
  readonly group: number;
  readonly steps: Partial<Pick<ScalePlane<Part>, "rows" | "rowStep" | "groupStep">>;
}

function placeScales(scale: Part, { rows, columns }: Shape, method: Method): Placed {
  const [a = 1, b = 1] = scale.shape;
  const [blockRows, blockColumns] = blockSize(method) ?? [0, 0];
  if (scale.shape.length <= 2) {
    if (blockRows > 0 && a === Math.ceil(rows / blockRows) && b === Math.ceil(columns / blockColumns)) {
      return { group: blockColumns, steps: { rows: blockRows, rowStep: b, groupStep: 1 } };
    }
    if (a * b === 1) return { group: columns, steps: {} };
    if (a === rows && b === 1) return { group: columns, steps: { rowStep: 1 } };
    if (a === rows && columns % b === 0) return { group: columns / b, steps: { rowStep: b, groupStep: 1 } };
  }
  const blocks = blockRows > 0 ? ` or [${Math.ceil(rows / blockRows)}, ${Math.ceil(columns / blockColumns)}]` : "";
  throw wrongShape(scale, `[1], [${rows}, 1]${blocks}`);
}

/** Rows and columns of the blocks that share a scale; undefined when there are none. Throws InvalidConfig. */
function blockSize({ config, source }: Method): readonly [number, number] | undefined {
  const groups = isObject(config.config_groups) ? Object.values(config.config_groups) : [];
  const structures = groups.map((group) => isObject(group) && isObject(group.weights) && group.weights.block_structure);
  const size = config.weight_block_size ?? structures.find(Array.isArray);
  if (size === undefined || size === null) return undefined;
  const isSize = (each: unknown) => Number.isSafeInteger(each) && (each as number) > 0;
  if (Array.isArray(size) && size.length === 2 && size.every(isSize)) return size as [number, number];
  throw new DeadliftError(
    "InvalidConfig",
    expected("two positive sizes", `the blocks of the quantisation in ${source}`, size),
  );
}

/** weight_packed (rows, columns / 2) and weight_scale (rows, columns / 32) of compressed-tensors: MXFP4. */
export function mxfp4<T extends Part>(module: Module<T>, shape: Shape): PackedWeight<T> {
  const { rows, columns } = shape;
  const blocks = module.get("weight_packed", ["U8"]);
  const scales = module.get("weight_scale", ["U8", "F8_E8M0"]);
  module.check(blocks, [rows, columns / 2]);
  module.check(scales, [rows, columns / 32]);
  return mxfp4Blocks(module, shape, { blocks, scales, first: 0, every: 1 });
}

export interface Mxfp4Parts<T> {
  readonly blocks: T; // (rows * every, columns / 2)
  readonly scales: T; // (rows * every, columns / 32)
  /** The weight is row `first`, and every so many after it. */
  readonly first: number;
  readonly every: number;
}

/** Four-bit floats with one power of two for each 32, as compressed-tensors has them and as gpt-oss has its experts. */
export function mxfp4Blocks<T extends Part>(
  module: Module<T>,
  shape: Shape,
  { blocks, scales, first, every }: Mxfp4Parts<T>,
): PackedWeight<T> {
  const groups = shape.columns / 32;
  const from = (part: T, bytes: number): T => ({
    ...part,
    offset: part.offset + bytes,
    byteLength: part.byteLength - bytes,
  });
  const codes = from(blocks, (first * shape.columns) / 2);
  const weight = packed(module, shape, "MXFP4", {
    codes: { part: codes, packing: "low first", bits: 4, step: 1, apart: every * shape.columns },
    levels: "MXFP4",
    scales: scalePlane(from(scales, first * groups), { type: "F8_E8M0", rowStep: every * groups, groupStep: 1 }),
    zeros: undefined,
    zero: 0,
    zeroAdd: 0,
    group: 32,
    groups: undefined,
  });
  return { ...weight, packedBytes: (blocks.byteLength + scales.byteLength) / every };
}
