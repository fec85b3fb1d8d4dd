// A model source becomes a GGUF file: types are chosen, tensors encoded and written, all at the same time.

import type { ThreadOptions } from "../engine.js";
import { DeadliftError } from "../error.js";
import type { GgufEntry } from "../formats/gguf_values.js";
import { plannedBytes, writeGguf } from "../formats/gguf_write.js";
import { isPacked, isReordered, type Weight } from "../packed.js";
import type { FileType } from "../quants/file_types.js";
import { codecOf, type QuantName, quantOf } from "../quants/index.js";
import { chooseTypes, needsImportance } from "../quants/mixes.js";
import { checkEncodable, Encoder } from "./encoder.js";
import { type Importance, importanceEntries, importanceOf } from "./importance.js";
import { encodedPieces, type TensorToWrite } from "./pieces.js";
import type { ModelSource, SourceTensor } from "./source.js";

export interface ConvertOptions extends ThreadOptions {
  readonly fileType: FileType;
  readonly importance?: Importance | undefined;
  /** Types for tensors whose names match. */
  readonly overrides?: readonly (readonly [pattern: RegExp, quant: QuantName])[] | undefined;
  /** Also quantise what is quantised already, and loses twice; see isOriginal. */
  readonly allowRequantise?: boolean | undefined;
  /** More metadata. */
  readonly extra?: readonly GgufEntry[] | undefined;
  /** Also write tokenizer and chat templates; default: true. */
  readonly texts?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Converted {
  /** Size of the file. */
  readonly bytes: number;
  /** Values of each type. */
  readonly types: Readonly<Record<string, number>>;
}

/**
 * Writes the source to `path`, whole or not at all. Throws UnsupportedQuant (types that cannot be read or written,
 * quantised sources), InvalidArgument (an importance matrix is needed), Aborted, NoSpace, FileUnwritable.
 */
export async function convert(source: ModelSource, path: string, options: ConvertOptions): Promise<Converted> {
  const { fileType, importance, extra = [], texts = true, signal, onProgress } = options;
  const tensors = plan(source, options);
  const entries: GgufEntry[] = [
    ...(await source.entries(fileType, texts)),
    ...(importance ? importanceEntries(importance) : []),
    ...extra,
  ];
  const encoder = new Encoder(options);
  try {
    const { inputs, alignment } = source;
    const pieces = encodedPieces(tensors, encoder);
    const bytes = await writeGguf(path, { entries, tensors, alignment }, pieces, { inputs, signal, onProgress });
    return { bytes, types: countTypes(tensors) };
  } finally {
    await encoder.close();
  }
}

/** Tensors with the types they get. */
function plan(
  source: ModelSource,
  { fileType, importance, overrides, allowRequantise }: ConvertOptions,
): TensorToWrite[] {
  const { tensors, model } = source;
  const chosen = chooseTypes(fileType, model, tensors, {
    imatrix: importance !== undefined,
    overrides: overrides ?? [],
  });
  return tensors.map((tensor) => {
    const quant = staysPacked(tensor, fileType) ? tensor.quant : (chosen.get(tensor.name) ?? tensor.quant);
    const weights = importance && importanceOf(importance, tensor);
    const planned = { ...tensor, quant, importance: weights };
    if (planned.source instanceof Float32Array || planned.source.quant === quant) return planned;
    checkTensor(tensor, quant, fileType, allowRequantise === true);
    if (!weights && needsImportance(tensor.name, quant, fileType)) {
      throw new DeadliftError(
        "InvalidArgument",
        `${fileType.name} needs an importance matrix (imatrix) for tensor "${tensor.name}" as ${quant}; without one the model would be useless`,
      );
    }
    plannedBytes(planned);
    return planned;
  });
}

/** gpt-oss's experts, which were trained in MXFP4: as plain numbers they would be four times as large and no better. */
function staysPacked({ source, shape }: SourceTensor, { quant }: FileType): boolean {
  const isExperts = !(source instanceof Float32Array) && source.quant === "MXFP4" && shape.length === 3;
  return isExperts && isPacked(source) && quantOf(quant).block === 1;
}

function checkTensor({ name, source }: SourceTensor, quant: QuantName, { name: type }: FileType, again: boolean): void {
  const weight = source as Weight;
  codecOf(weight.quant, `"${name}"`);
  checkEncodable(quant, `type ${type}, for tensor "${name}",`);
  if (again || isOriginal(weight)) return;
  // Out of packed checkpoints come plain numbers, as from llama.cpp's converter; it is its quantiser that asks.
  if (isPacked(weight) && quantOf(quant).block === 1) return;
  throw new DeadliftError(
    "UnsupportedQuant",
    `tensor "${name}" is ${storedAs(weight)} already, and would lose more as ${quant}; take the original model` +
      `${isPacked(weight) ? " or type F16" : ""} (or ask for it: --allow-requantize, allowRequantize of quantizeModel)`,
  );
}

/** Numbers as they were trained. Scaled floats of 8 bits count as such: of many models nothing else is published. */
function isOriginal(weight: Weight): boolean {
  if (isPacked(weight) && !isReordered(weight)) return weight.levels === "F8_SCALED";
  return quantOf(weight.quant).block === 1;
}

function storedAs(weight: Weight): string {
  if (!isPacked(weight) || isReordered(weight)) return weight.quant;
  return weight.levels ?? `integers of ${weight.codes.bits} bits`;
}

function countTypes(tensors: readonly TensorToWrite[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { quant, shape } of tensors) {
    counts[quant] = (counts[quant] ?? 0) + shape.reduce((product, size) => product * size, 1);
  }
  return counts;
}
