// The metadata of a GGUF file, for tests only: little-endian, version 3.
import { readFileSync } from "node:fs";
import type { GgufMetadata, GgufValue } from "../src/tokenizer/gguf.js";

export function readMetadata(path: string): GgufMetadata {
  const bytes = readFileSync(path);
  let at = 0;
  const take = (size: number) => {
    at += size;
    return at - size;
  };
  const u32 = () => bytes.readUInt32LE(take(4));
  const u64 = () => Number(bytes.readBigUInt64LE(take(8)));
  const string = () => {
    const size = u64();
    return bytes.toString("utf8", take(size), at);
  };
  const scalar: Record<number, () => GgufValue> = {
    0: () => bytes.readUInt8(take(1)),
    1: () => bytes.readInt8(take(1)),
    2: () => bytes.readUInt16LE(take(2)),
    3: () => bytes.readInt16LE(take(2)),
    4: u32,
    5: () => bytes.readInt32LE(take(4)),
    6: () => bytes.readFloatLE(take(4)),
    7: () => bytes.readUInt8(take(1)) !== 0,
    8: string,
    10: u64,
    11: () => Number(bytes.readBigInt64LE(take(8))),
    12: () => bytes.readDoubleLE(take(8)),
  };
  const array = () => {
    const type = u32();
    return Array.from({ length: u64() }, () => scalar[type]!());
  };
  take(8 + 8); // magic, version, number of tensors
  return new Map(
    Array.from({ length: u64() }, () => {
      const key = string();
      const type = u32();
      return [key, type === 9 ? array() : scalar[type]!()] as const;
    }),
  );
}
