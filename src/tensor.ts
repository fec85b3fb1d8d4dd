// A tensor is a name, a quant, a shape and bytes in a mapped file. No math.

import type { MappedFile } from "./native.js";
import type { QuantName } from "./quants/index.js";

export interface Tensor {
  /** As the file names it. */
  readonly name: string;
  readonly quant: QuantName;
  /** Outermost first: a matrix is (rows, columns). */
  readonly shape: readonly number[];
  readonly file: MappedFile;
  /** Where its bytes start in the file; any alignment. */
  readonly offset: number;
  readonly byteLength: number;
}
