// Writes messages of Protocol Buffers: fields by number, in the three encodings that ONNX needs.
//
// https://protobuf.dev/programming-guides/encoding/

const [varintType, bytesType, floatType] = [0, 2, 5];

function varint(value) {
  const bytes = [];
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

const tag = (field, type) => varint((field << 3) | type);

/** A field that is a whole number or an enum. */
export const integer = (field, value) => Buffer.concat([tag(field, varintType), varint(value)]);

/** A text, bytes, or another message. */
export function part(field, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([tag(field, bytesType), varint(bytes.length), bytes]);
}

export function real(field, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, floatType), bytes]);
}

/** A message, or the value of a field that is one. */
export const message = (...fields) => Buffer.concat(fields.flat());
