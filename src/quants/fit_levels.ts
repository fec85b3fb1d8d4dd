// The search behind IQ4_NL and IQ4_XS: scales under which rounding to the levels has the smallest weighted squared error.

/** What the 16 codes mean: the levels of ggml (kvalues_iq4nl), closer together around zero as weights are. */
export const iq4Levels: Int8Array = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);

/** Between code i and i + 1. */
const middles = Float64Array.from({ length: 15 }, (_, i) => (iq4Levels[i]! + iq4Levels[i + 1]!) / 2);

/** Neighbouring values that share a scale, and how much an error of each counts. */
export interface Group {
  readonly values: Float32Array;
  readonly weights: Float64Array;
}

/**
 * Groups of `size` of the values of a block. An error counts by `importance`, and more for large values, which lie further
 * from the levels and would otherwise pay for the many small ones: by the root of twice the mean square plus the square.
 */
export function groupsOf(block: Float32Array, importance: Float32Array | undefined, size: number): Group[] {
  let squares = 0;
  for (const value of block) squares += value * value;
  const meanSquare = squares / block.length;
  const weights = new Float64Array(block.length);
  for (let i = 0; i < block.length; i++) weights[i] = Math.sqrt(2 * meanSquare + block[i]! ** 2);
  if (importance) for (let i = 0; i < block.length; i++) weights[i]! *= importance[i]!;
  return Array.from({ length: block.length / size }, (_, g) => {
    const [from, end] = [size * g, size * (g + 1)];
    return { values: block.subarray(from, end), weights: weights.subarray(from, end) };
  });
}

/**
 * The scale of a group. Tries those that put the largest magnitude near either end of the levels, and moves each to the
 * optimum for the codes it gives for as long as that helps.
 */
export function fitScale(group: Group): number {
  let largest = 0;
  for (const value of group.values) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest === 0) return 0;
  let best = 0;
  let bestGain = 0;
  for (const end of [iq4Levels[0]!, iq4Levels[15]!]) {
    for (let shift = -12; shift <= 8; shift += 2) {
      let scale = largest / (end * (1 + shift / 100));
      for (let round = 0; round < 4; round++) {
        const { product, square } = project(group, scale);
        if (!(product * product > bestGain * square)) break;
        bestGain = (product * product) / square;
        scale = product / square;
        best = scale;
      }
    }
  }
  return best;
}

/** By how much a scale lowers the weighted squared error of a group, compared with all zeros. */
export function gainOf(group: Group, scale: number): number {
  const { product, square } = project(group, scale);
  return scale * (2 * product - scale * square);
}

/** Weighted products of the levels that a scale gives with the values, and with themselves. */
export function project({ values, weights }: Group, scale: number): { product: number; square: number } {
  const inverse = scale ? 1 / scale : 0;
  let product = 0;
  let square = 0;
  for (let i = 0; i < values.length; i++) {
    const level = iq4Levels[nearestLevel(values[i]! * inverse)]!;
    product += weights[i]! * level * values[i]!;
    square += weights[i]! * level * level;
  }
  return { product, square };
}

/** Writes 32 codes, each the nearest under a scale, as 16 bytes. */
export function putCodes(values: Float32Array, scale: number, out: Uint8Array, to: number): void {
  const inverse = scale ? 1 / scale : 0;
  for (let i = 0; i < 16; i++) {
    out[to + i] = nearestLevel(values[i]! * inverse) | (nearestLevel(values[16 + i]! * inverse) << 4);
  }
}

function nearestLevel(value: number): number {
  let code = value > middles[7]! ? 8 : 0;
  if (value > middles[code + 3]!) code += 4;
  if (value > middles[code + 1]!) code += 2;
  return value > middles[code]! ? code + 1 : code;
}
