// Importance matrices: how much each column of a tensor matters, measured by llama.cpp's tool on a text. Both its formats.

import { DeadliftError } from "../error.js";
import { mapWeights, type WeightFile } from "../formats/file.js";
import { type GgufHeader, readGguf } from "../formats/gguf.js";
import type { GgufEntry } from "../formats/gguf_values.js";
import { text, u32 } from "../formats/gguf_values.js";
import type { TensorInfo } from "../formats/sizes.js";
import { canQuantise } from "../quants/mixes.js";
import type { SourceTensor } from "./source.js";

export interface Importance {
  readonly path: string;
  /** By the name of the tensor in GGUF: a weight for each column, one matrix of a stack after another. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly dataset: string | undefined;
  readonly chunks: number;
}

/** The largest models have some 100 thousand matrices. */
const maxEntries = 1_000_000;
const maxNameBytes = 1024;

/** Throws FileNotFound, FileUnreadable, InvalidGguf, InvalidArgument for a file that is no importance matrix. */
export async function readImportance(path: string): Promise<Importance> {
  const file = await mapWeights(path);
  try {
    const isGguf = file.size >= 4 && Buffer.from(file.read(0, 4) as Uint8Array).toString("latin1") === "GGUF";
    const importance = isGguf ? fromGguf(await readGguf(file), file) : fromDat(file);
    for (const [name, weights] of importance.weights) {
      if (!weights.every(Number.isFinite)) throw invalid(path, `the weights of "${name}" are not all finite`);
    }
    return importance;
  } finally {
    file.file.close();
  }
}

/** What the file that is made with it says of it. */
export function importanceEntries({ path, weights, dataset, chunks }: Importance): GgufEntry[] {
  const key = (name: string) => `quantize.imatrix.${name}`;
  return [
    text(key("file"), path),
    ...(dataset === undefined ? [] : [text(key("dataset"), dataset)]),
    u32(key("entries_count"), weights.size),
    ...(chunks > 0 ? [u32(key("chunks_count"), chunks)] : []),
  ];
}

/** The weights of a tensor, if there are any. Throws WrongShape when they are of another model. */
export function importanceOf({ path, weights }: Importance, { name, shape }: SourceTensor): Float32Array | undefined {
  const found = weights.get(name);
  if (!found || !canQuantise({ name, shape })) return undefined;
  const wanted = shape.at(-1)! * (shape.length > 2 ? shape.slice(0, -2).reduce((a, b) => a * b, 1) : 1);
  if (found.length === wanted) return found;
  // Tools that measure tied output matrices name them as embeddings, which they are not.
  if (/token_embd\.weight$/.test(name)) return undefined;
  throw new DeadliftError(
    "WrongShape",
    `expected ${wanted} weights for tensor "${name}" in ${path}, received ${found.length}; it was made for another model`,
  );
}

// ---- GGUF: NAME.in_sum2 holds sums of squares, NAME.counts how many there were, for each matrix of a stack.

function fromGguf({ metadata, tensors }: GgufHeader, file: WeightFile): Importance {
  const type = metadata.get("general.type");
  if (type !== undefined && type !== "imatrix") throw invalid(file.path, `it is a GGUF file of type "${String(type)}"`);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const weights = new Map<string, Float32Array>();
  for (const tensor of tensors) {
    const name = /^(.+)\.in_sum2$/s.exec(tensor.name)?.[1];
    if (name === undefined) continue;
    const counts = byName.get(`${name}.counts`);
    if (!counts) throw invalid(file.path, `"${name}" has sums without counts`);
    weights.set(name, means(floats(tensor, file), floats(counts, file), name, file.path));
  }
  if (weights.size === 0) throw invalid(file.path, "it holds no sums");
  const [datasets, chunks] = [metadata.get("imatrix.datasets"), metadata.get("imatrix.chunk_count")];
  const dataset = Array.isArray(datasets) && typeof datasets[0] === "string" ? datasets[0] : undefined;
  return { path: file.path, weights, dataset, chunks: typeof chunks === "number" ? chunks : 0 };
}

function floats({ name, quant, offset, byteLength }: TensorInfo, file: WeightFile): Float32Array {
  if (quant !== "F32") throw invalid(file.path, `expected F32 for "${name}", received ${quant}`);
  // A copy: the file need not be aligned, and is closed soon.
  return new Float32Array(new Uint8Array(file.file.bytes(offset, byteLength)).buffer);
}

/** Experts that no text reached matter as much as the others. */
function means(sums: Float32Array, counts: Float32Array, name: string, path: string): Float32Array {
  const columns = sums.length / counts.length;
  if (!Number.isInteger(columns) || columns === 0) {
    throw invalid(path, `"${name}" has ${sums.length} sums for ${counts.length} counts`);
  }
  return sums.map((sum, i) => {
    const count = Math.round(counts[Math.floor(i / columns)]!);
    return count > 0 ? sum / count : 1;
  });
}

// ---- .dat: i32 entries | entries | i32 chunks | i32 length | dataset;  all after the entries may be missing
//      an entry: i32 length | name | i32 calls | i32 values | f32 values, sums of means over the calls

function fromDat(file: WeightFile): Importance {
  const bytes = file.file.bytes(0, file.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number, what: string) => {
    if (length < 0 || at + length > file.size) throw invalid(file.path, `it ends within ${what}`);
    at += length;
    return at - length;
  };
  const integer = (what: string) => view.getInt32(take(4, what), true);
  const string = (what: string, most: number) => {
    const length = integer(what);
    if (length < 0 || length > most) throw invalid(file.path, `${what} has a length of ${length}`);
    return Buffer.from(bytes.subarray(take(length, what), at)).toString("utf8");
  };
  const count = integer("its count of entries");
  if (count < 1 || count > maxEntries) throw invalid(file.path, `it says that it has ${count} entries`);
  const weights = new Map<string, Float32Array>();
  for (let i = 0; i < count; i++) {
    const name = string(`the name of entry ${i + 1}`, maxNameBytes);
    const calls = integer(`entry "${name}"`);
    const values = integer(`entry "${name}"`);
    const start = take(4 * values, `entry "${name}"`);
    const sums = new Float32Array(bytes.slice(start, at).buffer);
    weights.set(name, calls > 0 ? sums.map((sum) => sum / calls) : sums);
  }
  const chunks = at + 4 <= file.size ? integer("its count of chunks") : 0;
  const dataset = at + 4 <= file.size ? string("the name of its dataset", file.size) : "";
  return { path: file.path, weights, dataset: dataset || undefined, chunks };
}

function invalid(path: string, reason: string): DeadliftError {
  return new DeadliftError("InvalidArgument", `expected an importance matrix (imatrix) at ${path}, but ${reason}`);
}
