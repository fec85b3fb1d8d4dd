// Weights that are made at load, of one or several tensors, because a checkpoint packs them or has them in another order.
// No math.

import type { QuantName } from "./quants/index.js";
import type { Tensor } from "./tensor.js";

/** A tensor of a file that need not be here. */
export type Part = Omit<Tensor, "file"> & Partial<Pick<Tensor, "file">>;

/** How small integers lie in a tensor; see native/repack.h. */
export type Packing =
  | "words along" // streams of 32-bit words, one for each row
  | "words down" // streams go down the rows
  | "awq down" // likewise, with eight values of a word in AWQ's order
  | "bytes"
  | "signed bytes"
  | "high first" // two in a byte
  | "low first";

export interface CodePlane<T> {
  readonly part: T;
  readonly packing: Packing;
  readonly bits: number;
  /** Words to the next one of a stream. */
  readonly step: number;
  /** Words, or values, from stream to stream. */
  readonly apart: number;
}

/** The scale of row n and group g is number floor(n / rows) * rowStep + g * groupStep. */
export interface ScalePlane<T> {
  readonly part: T;
  readonly type: "F32" | "F16" | "BF16" | "F8_E8M0" | "looked up";
  /** Of all scales. */
  readonly factor: number;
  /** A scale for each `group` values one row after another, instead. */
  readonly flat: boolean;
  readonly rows: number;
  readonly rowStep: number;
  readonly groupStep: number;
  /** Looked up: table[byte] * (the F32 of its block) + offset. */
  readonly nested:
    | { readonly table: Float32Array; readonly blocks: T; readonly block: number; readonly offset: number }
    | undefined;
}

/** Its value in row n and column k: (code - zero) * scale, or level(code) * scale. */
export interface PackedWeight<T = Part> extends Omit<Tensor, "file"> {
  readonly codes: CodePlane<T>;
  /** The quant whose levels the codes mean; undefined: integers. */
  readonly levels: QuantName | undefined;
  readonly scales: ScalePlane<T>;
  readonly zeros: CodePlane<T> | undefined;
  /** Where there are no zero points. */
  readonly zero: number;
  /** Added to those there are. */
  readonly zeroAdd: number;
  /** Columns that share a scale. */
  readonly group: number;
  /** The group of each column, where groups do not follow each other; empty when the file is not here. */
  readonly groups: Int32Array | undefined;
  /** Bytes of all its parts. */
  readonly packedBytes: number;
}

/**
 * Plain numbers in another order: that in row n and column k of matrix e is number first + e * stackStep + n * rowStep +
 * k * columnStep of the part.
 */
export interface ReorderedWeight<T = Part> extends Omit<Tensor, "file"> {
  readonly part: T;
  readonly first: number;
  readonly stackStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
  /** Bytes of the part that are its numbers. */
  readonly packedBytes: number;
}

/** Floats that are rounded to blocks of whole numbers, where less precision is asked for. */
export interface RoundedWeight<T = Part> extends Omit<Tensor, "file"> {
  readonly floats: T;
}

/** What a checkpoint does not hold as it is run. */
export type MadeWeight<T = Part> = PackedWeight<T> | ReorderedWeight<T>;

/** A weight, however its checkpoint stores it. */
export type Weight = Tensor | MadeWeight<Tensor>;

/** A weight as it is wanted: some become tensors at load. */
export type WantedWeight = Weight | RoundedWeight<Tensor>;

export function isPacked<T>(weight: Part | MadeWeight<T>): weight is MadeWeight<T> {
  return "packedBytes" in weight;
}

/** The tensors that its numbers come from. */
export function partsOf<T>(weight: MadeWeight<T>): T[] {
  if (isReordered(weight)) return [weight.part];
  const { codes, scales, zeros } = weight;
  return [codes.part, scales.part, zeros?.part, scales.nested?.blocks].filter((part) => part !== undefined);
}

export function isReordered<T>(weight: MadeWeight<T> | RoundedWeight<T>): weight is ReorderedWeight<T> {
  return "part" in weight;
}

export function isRounded(weight: WantedWeight): weight is RoundedWeight<Tensor> {
  return "floats" in weight;
}
