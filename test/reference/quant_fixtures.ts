// The fixtures of test/fixtures/quants: what the references decode and encode, and how much their encoders err.

import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { QuantName } from "../../src/quants/index.js";
import { noiseValues, noiseWords, tinyTensor } from "./blocks.js";

/** One type, as test/fixtures/quants/fixture.py writes it. */
export interface Fixture {
  readonly type: QuantName;
  readonly block: number;
  readonly bytes: number;
  /** Blocks of noise, then hexadecimal blocks, then all numbers of so many bytes. */
  readonly random: number;
  readonly stored: string;
  readonly counting: number;
  /** CRC-32 of the values of each block, or of 32 values of smaller blocks. */
  readonly decoded: string;
  /** CRC-32 of the bytes of each 64 blocks, or of 64 times 32 values. */
  readonly encoded?: readonly ({ readonly blocks: string } & Source)[];
  readonly errors?: readonly MeasuredError[];
}

export interface Source {
  readonly noise?: string;
  readonly count?: number;
  readonly stored?: string;
  readonly tensor?: string;
}

/** The mean squared error of the reference's encoder, weighted by column where `importance` names the noise for it. */
export interface MeasuredError extends Source {
  readonly error: number;
  readonly importance?: string;
  /** How much larger ours may be where it is not 1 %. */
  readonly slack?: number;
}

export const folder = new URL("../fixtures/quants/", import.meta.url);

export const fixtures = new Map<string, Fixture>(
  readdirSync(folder)
    .filter((file) => file.endsWith(".json.gz"))
    .map((file) => {
      const fixture = JSON.parse(gunzipSync(readFileSync(new URL(file, folder))).toString()) as Fixture;
      return [fixture.type, fixture];
    }),
);

export const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

export function valuesOf({ noise, count, stored, tensor }: Source): Float32Array {
  if (noise) return noiseValues(noise, count!);
  return tensor ? tinyTensor(tensor).values : new Float32Array(hex(stored!).buffer);
}

/** What was measured: rows of values, and how much each column matters. */
export function errorCase(measured: MeasuredError): {
  values: Float32Array;
  columns: number;
  importance: Float32Array | undefined;
} {
  const values = valuesOf(measured);
  const columns = measured.tensor ? tinyTensor(measured.tensor).columns : values.length;
  return { values, columns, importance: measured.importance ? importanceOf(measured.importance, columns) : undefined };
}

/** How much we may err. */
export function errorLimit({ error, slack, stored }: MeasuredError, values: Float32Array): number {
  // Whether a lone value of hard rows falls near the product of two halves is luck.
  const luck = stored ? 1e-5 * meanError(values, new Float32Array(values.length), undefined) : 0;
  return (slack ?? 1.01) * error + luck;
}

/** Weights of columns as fixture.py has them: uneven, some 100 times the others. */
export function importanceOf(name: string, columns: number): Float32Array {
  return Float32Array.from(noiseWords(name, columns), (word) => {
    return (((word & 0xffff) + 1) / 65536) * (word >>> 27 ? 1 : 100);
  });
}

/** The mean squared error, weighted by column. */
export function meanError(values: Float32Array, decoded: Float32Array, importance: Float32Array | undefined): number {
  let [error, total] = [0, 0];
  values.forEach((value, i) => {
    const weight = importance ? importance[i % importance.length]! : 1;
    error += weight * (value - decoded[i]!) ** 2;
    total += weight;
  });
  return error / total;
}
