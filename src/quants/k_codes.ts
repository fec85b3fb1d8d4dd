// How the K-quants lay out the bits of 256 codes, and the six-bit scales of Q4_K and Q5_K.
//
// Codes are taken in runs of 32, which fill the same 32 bytes from the lowest bits on; a full byte ends the run of bytes:
// of two bits, codes 0, 32, 64 and 96 share byte 0; of four bits, 0 and 32; of one bit, 0, 32, ... 224.
//
// Scales s and least values m of eight groups, six bits each, in 12 bytes:
//
//   byte  0 ... 3                   4 ... 7                   8 ... 11
//        [s4 high two|s0 all six]  [m4 high two|m0 all six]  [m4 low four|s4 low four]      and so on for 1 to 3

/** Writes bits [first, first + width) of 256 codes, over zeros. */
export function putCodes(codes: Uint8Array, first: number, width: 1 | 2 | 4, out: Uint8Array, to: number): void {
  const mask = 2 ** width - 1;
  const runs = 8 / width;
  for (let i = 0; i < 256; i++) {
    const run = i >> 5;
    const byte = to + 32 * Math.floor(run / runs) + (i & 31);
    out[byte]! |= ((codes[i]! >> first) & mask) << (width * (run % runs));
  }
}

/** Code i of 256. */
export function oneBit(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i & 31)]! >> (i >> 5)) & 1;
}

export function twoBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + ((i >> 7) << 5) + (i & 31)]! >> (2 * ((i >> 5) & 3))) & 3;
}

export function fourBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + ((i >> 6) << 5) + (i & 31)]! >> (4 * ((i >> 5) & 1))) & 15;
}

/** The scales and least values of eight groups. */
export function sixBits(bytes: Uint8Array, at: number): { scales: Uint8Array; leasts: Uint8Array } {
  const scales = new Uint8Array(8);
  const leasts = new Uint8Array(8);
  for (let j = 0; j < 4; j++) {
    const [s, m, rest] = [bytes[at + j]!, bytes[at + 4 + j]!, bytes[at + 8 + j]!];
    scales[j] = s & 63;
    leasts[j] = m & 63;
    scales[j + 4] = (rest & 15) | ((s >> 6) << 4);
    leasts[j + 4] = (rest >> 4) | ((m >> 6) << 4);
  }
  return { scales, leasts };
}

export function putSixBits(scales: Uint8Array, leasts: Uint8Array, out: Uint8Array, to: number): void {
  for (let j = 0; j < 4; j++) {
    out[to + j] = scales[j]! | ((scales[j + 4]! >> 4) << 6);
    out[to + 4 + j] = leasts[j]! | ((leasts[j + 4]! >> 4) << 6);
    out[to + 8 + j] = (scales[j + 4]! & 15) | ((leasts[j + 4]! & 15) << 4);
  }
}
