// What a quant type can do besides having a size: the slow, exact meaning that every fast kernel is tested against.

export interface Codec {
  /** Decodes the first `out.length` values (whole blocks) of `bytes`, which may start at any alignment. */
  decode(bytes: Uint8Array, out: Float32Array): void;
  /**
   * Encodes `values` (whole blocks): to the bytes of ggml's reference quantiser, except where a type's own file says that
   * it searches for the smallest squared error, then weighted by `importance` (one per value) where that is given.
   * Absent for types that are only read.
   */
  encode?(values: Float32Array, out: Uint8Array, importance?: Float32Array): void;
}
