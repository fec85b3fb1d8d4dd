// What a quant type can do besides having a size: the slow, exact meaning that every fast kernel is tested against.

export interface Codec {
  /** Decodes the first `out.length` values (whole blocks) of `bytes`, which may start at any alignment. */
  decode(bytes: Uint8Array, out: Float32Array): void;
  /** Encodes `values` (whole blocks) as ggml's reference quantizer does, to the bit. */
  encode(values: Float32Array, out: Uint8Array): void;
}
