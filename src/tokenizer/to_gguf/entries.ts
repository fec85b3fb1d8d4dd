// Keys of tokenizers in GGUF, as a writer takes them.

export type TokenizerEntry = { readonly key: string } & (
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "array"; readonly of: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly of: "i32"; readonly value: Int32Array }
  | { readonly type: "array"; readonly of: "f32"; readonly value: Float32Array }
  | { readonly type: "array"; readonly of: "u8"; readonly value: Uint8Array }
);

const key = (name: string) => `tokenizer.ggml.${name}`;

export const string = (name: string, value: string): TokenizerEntry => ({ key: key(name), type: "string", value });
export const flag = (name: string, value: boolean): TokenizerEntry => ({ key: key(name), type: "bool", value });
export const id = (name: string, value: number): TokenizerEntry => ({ key: key(name), type: "u32", value });
export const strings = (name: string, value: readonly string[]): TokenizerEntry => ({
  key: key(name),
  type: "array",
  of: "string",
  value,
});
export const types = (value: Int32Array): TokenizerEntry => ({
  key: key("token_type"),
  type: "array",
  of: "i32",
  value,
});
export const scores = (value: Float32Array): TokenizerEntry => ({
  key: key("scores"),
  type: "array",
  of: "f32",
  value,
});
export const charsmap = (value: Uint8Array): TokenizerEntry => ({
  key: key("precompiled_charsmap"),
  type: "array",
  of: "u8",
  value,
});
