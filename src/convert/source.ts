// What a quantisation starts from, whichever format it is in: tensors as GGUF names them, and the metadata of a GGUF file.

import type { GgufEntry } from "../formats/gguf_values.js";
import type { FileType } from "../quants/file_types.js";
import type { MixModel } from "../quants/mixes.js";
import type { TensorToWrite } from "./pieces.js";

/** A tensor, and the type it keeps when it is not quantised. */
export type SourceTensor = Omit<TensorToWrite, "importance">;

export interface ModelSource {
  /** In the order they are written. */
  readonly tensors: readonly SourceTensor[];
  readonly model: MixModel;
  /** Files it is made from. */
  readonly inputs: readonly string[];
  /** Of the file that will be written; undefined: as usual. */
  readonly alignment: number | undefined;
  /** All metadata; without `texts` no tokenizer and no chat template. Throws InvalidTokenizer. */
  entries(fileType: FileType, texts: boolean): Promise<GgufEntry[]>;
  /** Gives the files back. */
  close(): void;
}
