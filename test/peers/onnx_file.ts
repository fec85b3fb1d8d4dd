// The numbers that an ONNX model keeps in a file beside it, by name: as much of the format as bench/peers writes.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Numbers {
  readonly shape: number[];
  readonly values: Float32Array;
}

type Field = readonly [number: number, value: number | Buffer];

/** The fields of a message of Protocol Buffers. */
function fields(bytes: Buffer): Field[] {
  const out: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [tag >> 3, tag & 7];
    if (type === 0) out.push([number, varint()]);
    else if (type === 2) {
      const length = varint();
      out.push([number, bytes.subarray(at, at + length)]);
      at += length;
    } else throw new Error(`expected a number or bytes, received type ${type}`);
  }
  return out;
}

const all = <T extends Field[1]>(list: readonly Field[], number: number) =>
  list.filter(([one]) => one === number).map(([, value]) => value as T);

const text = (list: readonly Field[], number: number) => all<Buffer>(list, number)[0]!.toString();

/** onnx.proto: ModelProto.graph 7, GraphProto.initializer 5, TensorProto.dims 1, name 8, external_data 13. */
export function storedNumbers(path: string): Map<string, Numbers> {
  const [graph] = all<Buffer>(fields(readFileSync(path)), 7);
  const found = new Map<string, Numbers>();
  for (const initializer of all<Buffer>(fields(graph!), 5)) {
    const tensor = fields(initializer);
    const pairs = all<Buffer>(tensor, 13).map(fields);
    if (pairs.length === 0) continue;
    const place = Object.fromEntries(pairs.map((pair) => [text(pair, 1), text(pair, 2)]));
    const [start, length] = [Number(place.offset), Number(place.length)];
    const bytes = Uint8Array.from(readFileSync(join(dirname(path), place.location!)).subarray(start, start + length));
    found.set(text(tensor, 8), { shape: all<number>(tensor, 1), values: new Float32Array(bytes.buffer) });
  }
  return found;
}
