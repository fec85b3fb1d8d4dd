// Which type a packed weight becomes: an ordinary one where that is exact, else one that is made at load, else plain rows.

import { DeadliftError } from "../../error.js";
import type { CodePlane, PackedWeight, Part, ScalePlane } from "../../packed.js";
import { type QuantName, quantOf, rowBytes } from "../../quants/index.js";
import { bytesOf, type Module, wrongShape } from "./module.js";

export interface Shape {
  readonly rows: number;
  readonly columns: number;
}

type Packed<T> = Omit<PackedWeight<T>, "name" | "quant" | "shape" | "offset" | "byteLength" | "packedBytes">;

/** The weight of a module as `wanted` where its blocks lie within groups, else, and without one, as plain numbers. */
export function packed<T extends Part>(
  module: Module<T>,
  { rows, columns }: Shape,
  wanted: QuantName | undefined,
  parts: Packed<T>,
): PackedWeight<T> {
  const { group, groups } = parts;
  const holds = (size: number) => columns % size === 0 && (group >= columns || group % size === 0) && !groups;
  const quant = wanted && holds(quantOf(wanted).block) ? wanted : plainType(parts.scales.type);
  return {
    name: `${module.name}.weight`,
    quant,
    shape: [rows, columns],
    offset: 0,
    byteLength: rows * rowBytes(quant, columns),
    packedBytes: module.bytes,
    ...parts,
  };
}

/** What libraries give when they unpack: numbers of the type of the scales. */
function plainType(scales: ScalePlane<Part>["type"]): QuantName {
  if (scales === "F16" || scales === "F32") return scales;
  return scales === "looked up" ? "F32" : "BF16";
}

/** The type for unsigned integers of so many bits. `middle`: every zero point is half their range. */
export function integerType(bits: number, middle: boolean, scales: QuantName): QuantName {
  if (bits <= 4) return bits === 4 && middle && scales === "F16" ? "Q4_0" : "U4_SCALED";
  return bits === 8 && middle && scales === "F16" ? "Q8_0" : "U8_SCALED";
}

export const scaleTypes = ["F32", "F16", "BF16"] as const;

/** Scales that lie as (rows, groups) or (groups, rows), or one for all. */
export function scalePlane<T extends Part>(part: T, steps: Partial<ScalePlane<T>>): ScalePlane<T> {
  const type = part.quant as ScalePlane<T>["type"];
  return { part, type, factor: 1, flat: false, rows: 1, rowStep: 0, groupStep: 0, nested: undefined, ...steps };
}

/** Columns in each of so many groups; `stated` is what the configuration says. Throws WrongShape. */
export function groupSize(columns: number, count: number, stated: unknown, part: Part): number {
  if (count === 1) return columns;
  if (Number.isSafeInteger(stated) && (stated as number) > 0 && Math.ceil(columns / (stated as number)) === count) {
    return stated as number;
  }
  if (count > 0 && columns % count === 0) return columns / count;
  throw wrongShape(part, `with groups that share ${columns} columns`);
}

/**
 * The group of each column, or undefined when they follow each other. Without the file it is `otherwise` that says
 * whether they do. Throws InvalidSafetensors for a group that is none.
 */
export function columnGroups(
  part: Part | undefined,
  { columns, group, count }: { columns: number; group: number; count: number },
  otherwise: boolean,
): Int32Array | undefined {
  const bytes = part && bytesOf(part);
  if (!bytes) return part && otherwise && count > 1 ? new Int32Array() : undefined;
  const groups = new Int32Array(bytes.slice().buffer);
  const wrong = groups.findIndex((each) => each < 0 || each >= count);
  if (wrong >= 0) {
    throw new DeadliftError(
      "InvalidSafetensors",
      `expected groups 0 to ${count - 1} in tensor "${part.name}", received ${groups[wrong]} for column ${wrong} of ${columns}`,
    );
  }
  return groups.every((each, column) => each === Math.floor(column / group)) ? undefined : groups;
}

/** Whether every zero point is half the range. Without the file, what `otherwise` says. */
export function isMiddle(zeros: CodePlane<Part>, add: number, otherwise: boolean): boolean {
  const bytes = bytesOf(zeros.part);
  if (!bytes || (zeros.bits !== 4 && zeros.bits !== 8)) return bytes ? false : otherwise;
  const stored = (2 ** (zeros.bits - 1) - add) & (2 ** zeros.bits - 1);
  const byte = zeros.bits === 4 ? stored * 17 : stored;
  return bytes.every((each) => each === byte);
}
