// Hundreds of damaged quantised checkpoints: each is unpacked or refused with a code, and leaves nothing mapped.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { compile } from "../src/compile.js";
import { openModel } from "../src/formats/open.js";
import { native } from "../src/native.js";
import { type Random, seeded } from "./reference/random.js";
import { tempFolder } from "./reference/temp.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const rounds = 300;
const codes = /^(WrongShape|UnsupportedQuant|InvalidConfig|InvalidSafetensors|MissingTensor|LimitExceeded)$/;

const fixtures = resolve(import.meta.dirname, "fixtures/checkpoints");
const names = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Checkpoint {
  readonly config: Record<string, unknown>;
  readonly header: Record<string, Entry>;
  data: Buffer;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const bytesOf: Record<string, number> = { F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I64: 8 };
const widthOf = (dtype: string) => bytesOf[dtype] ?? 1;
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Headers stay true to their bytes, so that nothing but the parts of weights is wrong. */
const damages: readonly ((checkpoint: Checkpoint, entry: Entry, random: Random) => void)[] = [
  (_, entry) => entry.shape.reverse(),
  (_, entry, random) => {
    const [rows, columns] = [product(entry.shape), random.pick([1, 2, 3, 4, 8, 32, 64])];
    if (rows % columns === 0) entry.shape = [rows / columns, columns];
  },
  (_, entry, random) => {
    const dtype = random.pick(["F32", "I32", "F16", "BF16", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "I64", "I16"]);
    const count = (entry.data_offsets[1] - entry.data_offsets[0]) / widthOf(dtype);
    if (count % entry.shape[0]! === 0)
      Object.assign(entry, { dtype, shape: [entry.shape[0], count / entry.shape[0]!] });
  },
  ({ data }, { data_offsets: [from, to] }, random) => {
    for (let i = 0; i < 8; i++) data[from + random.integer(to - from)] = random.integer(256);
  },
  (checkpoint, entry, random) => {
    const shape = entry.shape.map((size) => Math.max(0, random.pick([size, size, size - 1, size + 1, size * 2, 0, 1])));
    const start = checkpoint.data.length;
    const added = Buffer.alloc(product(shape) * widthOf(entry.dtype), random.integer(256));
    checkpoint.header[`elsewhere ${start}`] = { ...entry };
    Object.assign(entry, { shape, data_offsets: [start, start + added.length] });
    checkpoint.data = Buffer.concat([checkpoint.data, added]);
  },
  ({ config }, _, random) => {
    const how = config.quantization_config as Record<string, unknown>;
    const key = random.pick([...Object.keys(how), "weight_block_size", "group_size", "bits"]);
    how[key] = random.pick([0, -1, 3, 0.5, 2 ** 31, 2 ** 53, 1e308, null, true, "", "4", [], {}, [1, 1], [32, 1e9]]);
  },
  ({ config }, _, random) => {
    const key = random.pick(["hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads"]);
    config[key] = random.pick([1, 2, 32, 63, 64, 96, 128]);
  },
];

function damaged(name: string, random: Random): string {
  const bytes = readFileSync(join(fixtures, name, "model.safetensors"));
  const start = 8 + Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString("utf8", 8, start));
  const config = JSON.parse(readFileSync(join(fixtures, name, "config.json"), "utf8"));
  const checkpoint: Checkpoint = { config, header, data: Buffer.from(bytes.subarray(start)) };
  for (let times = 1 + random.integer(2); times > 0; times--) {
    const part = random.pick(Object.keys(header).filter((key) => key.includes("_proj")));
    random.pick(damages)(checkpoint, header[part], random);
  }
  return tempFolder({ "config.json": config, "model.safetensors": safetensorsFile(header, checkpoint.data) });
}

async function attempt(path: string): Promise<"unpacked" | "refused"> {
  try {
    const opened = await openModel(path);
    try {
      await (await compile(opened, { threads: 2 })).dispose();
      return "unpacked";
    } finally {
      opened.close();
    }
  } catch (error) {
    if ((error as Error).name !== "DeadliftError") throw error;
    expect((error as { code: string }).code, (error as Error).message).toMatch(codes);
    return "refused";
  }
}

it(`${rounds} of them`, async () => {
  const counts = { unpacked: 0, refused: 0 };
  for (let round = 0; round < rounds; round++) {
    const random = seeded(round);
    counts[await attempt(damaged(random.pick(names), random))]++;
    expect(native().filesMapped()).toBe(0);
  }
  expect(counts.unpacked).toBeGreaterThan(rounds / 10);
  expect(counts.refused).toBeGreaterThan(rounds / 3);
});
