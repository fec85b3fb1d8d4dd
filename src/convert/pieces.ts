// Tensors of one type as the bytes of another, in pieces: a few at a time, while the next ones are being made.

import { DeadliftError } from "../error.js";
import type { MappedFile } from "../native.js";
import { isPacked, type Weight } from "../packed.js";
import { type QuantName, quantOf, rowBytes } from "../quants/index.js";
import type { Tensor } from "../tensor.js";
import type { Encoder } from "./encoder.js";
import { Unpacker } from "./unpacker.js";

/** A tensor to be written. */
export interface TensorToWrite {
  /** As GGUF names it. */
  readonly name: string;
  /** Outermost first. */
  readonly shape: readonly number[];
  /** Where its values are; or these are they. */
  readonly source: Weight | Float32Array;
  /** The type to write. */
  readonly quant: QuantName;
  /** The source row of each row; undefined: they stay. */
  readonly order?: ((row: number) => number) | undefined;
  /** How much each column matters, one after another for each matrix of a stack. */
  readonly importance?: Float32Array | undefined;
}

/** Most bytes of a piece, and most values, unless a row has more: enough for many threads, and soon done for an abort. */
const pieceBytes = 8 * 2 ** 20;
/** Pieces in the making. */
const ahead = 3;
/** A row must fit into memory some times; real ones have some hundred thousand values. */
const maxColumns = 2 ** 26;

/** Some rows of a tensor. */
interface Slab {
  readonly tensor: TensorToWrite & { readonly source: Weight };
  readonly first: number;
  readonly rows: number;
  readonly bytes: number;
  readonly importance: Float32Array | null;
}

/**
 * All bytes of the tensors, in order. A piece is valid until the next is asked for. Throws UnsupportedQuant for values
 * that a quantised type cannot hold (infinities, NaNs), LimitExceeded, OutOfMemory.
 */
export async function* encodedPieces(tensors: readonly TensorToWrite[], encoder: Encoder): AsyncGenerator<Uint8Array> {
  const memory = new Memory();
  const unpacker = new Unpacker(encoder);
  const running: Promise<Uint8Array>[] = [];
  const slabs = [...slabsOf(tensors)];
  let next = 0;
  const start = () => {
    const slab = slabs[next++]!;
    const piece =
      slab instanceof Uint8Array ? Promise.resolve(slab) : encode(slab, slabs[next], { encoder, unpacker, memory });
    piece.catch(() => {}); // thrown when it is its turn
    running.push(piece);
  };
  try {
    while (next < slabs.length || running.length > 0) {
      while (running.length < ahead && next < slabs.length) start();
      const piece = await running.shift()!;
      yield piece;
      memory.giveBack(piece);
    }
  } finally {
    // Nobody reads or writes memory any more when this has ended.
    await Promise.allSettled(running);
    await unpacker.close();
  }
}

/** Pieces are made in the same few buffers. */
class Memory {
  readonly #free: ArrayBuffer[] = [];
  readonly #own = new WeakSet<ArrayBufferLike>();

  take(bytes: number): Uint8Array {
    if (bytes > pieceBytes) return new Uint8Array(bytes);
    const buffer = this.#free.pop() ?? new ArrayBuffer(pieceBytes);
    this.#own.add(buffer);
    return new Uint8Array(buffer, 0, bytes);
  }

  giveBack({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer)) this.#free.push(buffer as ArrayBuffer);
  }
}

function* slabsOf(tensors: readonly TensorToWrite[]): Generator<Slab | Uint8Array> {
  for (const tensor of tensors) {
    const { source, shape, quant } = tensor;
    if (source instanceof Float32Array) {
      yield new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
    } else if (!shape.includes(0)) {
      // The rows of a vector that changes its order are its values.
      const rows = tensor.order && shape.length === 1 ? [...shape, 1] : shape;
      yield* slabsOfTensor({ ...tensor, shape: rows, source }, rowBytes(quant, rows.at(-1) ?? 1));
    }
  }
}

function* slabsOfTensor(tensor: Slab["tensor"], bytesPerRow: number): Generator<Slab> {
  const { shape, name, importance } = tensor;
  const columns = shape.at(-1) ?? 1;
  if (columns > maxColumns) {
    throw new DeadliftError(
      "LimitExceeded",
      `expected at most ${maxColumns} columns for tensor "${name}", received ${columns}`,
    );
  }
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  // Each matrix of a stack has weights of its own.
  const group = importance && importance.length > columns ? (shape.at(-2) ?? 1) : rows;
  const most = Math.max(1, Math.floor(pieceBytes / Math.max(bytesPerRow, columns)));
  for (let first = 0; first < rows; ) {
    const end = Math.min(rows, first + most, (Math.floor(first / group) + 1) * group);
    const matrix = Math.floor(first / group);
    const weights = importance ? importance.subarray(matrix * columns, (matrix + 1) * columns) : null;
    yield { tensor, first, rows: end - first, bytes: (end - first) * bytesPerRow, importance: weights };
    first = end;
  }
}

interface Tools {
  readonly encoder: Encoder;
  readonly unpacker: Unpacker;
  readonly memory: Memory;
}

async function encode(
  { tensor, first, rows, bytes, importance }: Slab,
  following: Slab | Uint8Array | undefined,
  { encoder, unpacker, memory }: Tools,
): Promise<Uint8Array> {
  const { source, quant, order, shape } = tensor;
  const out = memory.take(bytes);
  const soon = following && !(following instanceof Uint8Array) ? rangeOf(following) : undefined;
  const encodeFrom = ({ file, offset, quant: from }: Tensor) =>
    encoder.encode({
      file: file.handle,
      offset,
      from,
      to: quant,
      columns: shape.at(-1) ?? 1,
      first,
      rows,
      order: order ? Int32Array.from({ length: rows }, (_, i) => order(first + i)) : null,
      importance,
      out,
      next: soon?.file === file ? soon.start : 0,
      nextSize: soon?.file === file ? soon.size : 0,
    });
  const finite = isPacked(source) ? await unpacker.use(source, rows, encodeFrom) : await encodeFrom(source);
  if (finite || quantOf(quant).block === 1) return out;
  throw new DeadliftError(
    "UnsupportedQuant",
    `tensor "${source.name}" holds infinities or NaNs, which ${quant} cannot; is the model damaged?`,
  );
}

/** Where a slab's values are in its file; undefined for those that are packed. */
function rangeOf({ tensor, first, rows }: Slab): { file: MappedFile; start: number; size: number } | undefined {
  const { source, shape } = tensor;
  if (isPacked(source)) return undefined;
  const stride = rowBytes(source.quant, shape.at(-1) ?? 1);
  return { file: source.file, start: source.offset + first * stride, size: rows * stride };
}
