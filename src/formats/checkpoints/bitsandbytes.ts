// bitsandbytes: NF4 and FP4 in blocks of the flattened weight, with scales that may be quantised themselves; LLM.int8().

import { DeadliftError, expected } from "../../error.js";
import type { PackedWeight, Part, ScalePlane } from "../../packed.js";
import { codecOf } from "../../quants/index.js";
import { parseJson } from "../file.js";
import { bytesOf, type Module, wrongShape } from "./module.js";
import { packed, type Shape, scalePlane } from "./pack.js";

/** A few numbers and names as JSON; those that are published have some 200 bytes. */
const maxStateBytes = 4096;

const none = { zeros: undefined, zero: 0, zeroAdd: 0, groups: undefined };

export function bitsandbytes<T extends Part>(module: Module<T>, shape: Shape): PackedWeight<T> {
  if (module.has("SCB")) return eightBits(module, shape);
  const kind = module.partNames.map((part) => /bitsandbytes__(nf4|fp4)$/.exec(part)?.[1]).find(Boolean);
  if (!kind) module.get("weight.quant_state.bitsandbytes__nf4");
  return fourBits(module, shape, kind as "nf4" | "fp4");
}

/** weight (rows, columns) of I8, SCB (rows): value = code * SCB / 127. */
function eightBits<T extends Part>(module: Module<T>, shape: Shape): PackedWeight<T> {
  const { rows, columns } = shape;
  const weight = module.get("weight", ["I8"]);
  const scale = module.get("SCB", ["F32"]);
  module.check(weight, [rows, columns]);
  module.check(scale, [rows]);
  const format = module.find("weight_format");
  if (format && bytesOf(format)?.[0]) {
    throw new DeadliftError("UnsupportedQuant", expected("0 (rows)", `tensor "${format.name}"`, bytesOf(format)![0]));
  }
  return packed(module, shape, "U8_SCALED", {
    ...none,
    codes: { part: weight, packing: "signed bytes", bits: 8, step: 1, apart: columns },
    levels: undefined,
    scales: scalePlane(scale, { factor: 1 / 127, rowStep: 1 }),
    zero: 128,
    group: columns,
  });
}

/** weight (rows * columns / 2, 1), absmax and quant_map beside it, quant_state as JSON in a tensor. */
function fourBits<T extends Part>(module: Module<T>, shape: Shape, kind: "nf4" | "fp4"): PackedWeight<T> {
  const count = shape.rows * shape.columns;
  const levels = kind === "nf4" ? "NF4" : "FP4";
  // Any type: the codes may be stored as numbers of two or four bytes.
  const weight = module.get("weight");
  if (weight.byteLength * 2 !== count) throw wrongShape(weight, `with ${count / 2} bytes`);
  const state = readState(module, module.get(`weight.quant_state.bitsandbytes__${kind}`, ["U8"]), shape);
  checkLevels(module.get("weight.quant_map", ["F32"]), levels);
  const absmax = module.get("weight.absmax", ["F32", "U8"]);
  const group = state?.blocksize ?? count / Math.max(1, absmax.shape[0] ?? 1);
  module.check(absmax, [Math.ceil(count / group)]);
  const nested = absmax.quant === "U8" ? nestedScales(module, absmax, state) : undefined;
  // The blocks of ours lie in one row and in one of theirs, whatever the size of those is.
  const isAligned = shape.columns % 64 === 0 && group % 64 === 0;
  return packed(module, shape, isAligned ? levels : undefined, {
    ...none,
    codes: { part: weight, packing: "high first", bits: 4, step: 1, apart: shape.columns },
    levels,
    scales: scalePlane(absmax, { flat: true, type: nested ? "looked up" : "F32", nested }),
    group,
  });
}

interface State {
  readonly blocksize: number;
  readonly nestedBlocksize: number;
  readonly nestedOffset: number;
}

/** undefined when the file is not here. Throws LimitExceeded, InvalidConfig, UnsupportedQuant. */
function readState<T extends Part>(module: Module<T>, part: Part, shape: Shape): State | undefined {
  if (part.byteLength > maxStateBytes) {
    throw new DeadliftError(
      "LimitExceeded",
      expected(`at most ${maxStateBytes} bytes`, `tensor "${part.name}"`, part.byteLength),
    );
  }
  const bytes = bytesOf(part);
  if (!bytes) return undefined;
  const json = parseJson(Buffer.from(bytes).toString("utf8"), `tensor "${part.name}"`);
  const size = (key: string, otherwise?: number) => {
    const value = json[key] ?? otherwise;
    if (Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= 2 ** 20) return value as number;
    throw new DeadliftError("InvalidConfig", expected("a size", `${key} of tensor "${part.name}"`, value));
  };
  const { shape: stated, nested_offset: offset = 0 } = json;
  const isShape =
    Array.isArray(stated) && stated.length === 2 && stated[0] === shape.rows && stated[1] === shape.columns;
  if (!isShape) {
    throw new DeadliftError(
      "WrongShape",
      expected(`[${shape.rows}, ${shape.columns}]`, `the shape of "${module.name}" in tensor "${part.name}"`, stated),
    );
  }
  if (!Number.isFinite(offset)) {
    throw new DeadliftError("InvalidConfig", expected("a number", `nested_offset of tensor "${part.name}"`, offset));
  }
  return {
    blocksize: size("blocksize"),
    nestedBlocksize: size("nested_blocksize", 256),
    nestedOffset: offset as number,
  };
}

/** Scales of bytes: nested_quant_map[byte] * nested_absmax of 256 of them + nested_offset. */
function nestedScales<T extends Part>(
  module: Module<T>,
  absmax: Part,
  state: State | undefined,
): NonNullable<ScalePlane<T>["nested"]> {
  const blocks = module.get("weight.nested_absmax", ["F32"]);
  const map = module.get("weight.nested_quant_map", ["F32"]);
  const block = state?.nestedBlocksize ?? 256;
  module.check(map, [256]);
  module.check(blocks, [Math.ceil(absmax.shape[0]! / block)]);
  return { table: numbers(map) ?? new Float32Array(), blocks, block, offset: state?.nestedOffset ?? 0 };
}

/** Throws UnsupportedQuant for levels that are not the published ones. */
function checkLevels(map: Part, name: "NF4" | "FP4"): void {
  const stated = numbers(map);
  if (!stated) return;
  const block = new Uint8Array(36);
  block.set([0, 0, 0x80, 0x3f]); // a scale of 1
  for (let code = 0; code < 16; code++) block[4 + code] = code;
  const levels = new Float32Array(64);
  codecOf(name, map.name).decode(block, levels);
  if (stated.length === 16 && stated.every((level, code) => Math.abs(level - levels[code]!) < 1e-6)) return;
  throw new DeadliftError(
    "UnsupportedQuant",
    `expected the levels of ${name} for tensor "${map.name}", received others`,
  );
}

function numbers(part: Part): Float32Array | undefined {
  const bytes = bytesOf(part);
  return bytes && new Float32Array(bytes.slice().buffer);
}
