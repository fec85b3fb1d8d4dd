// What the Hub reads from weight files for its API: parameter counts of safetensors headers.

import type { Blob } from "./content.js";
import type { RepoOptions } from "./contract.js";
import type { Commit, Repository } from "./repos.js";

type Safetensors = NonNullable<RepoOptions["safetensors"]>;
type Gguf = NonNullable<RepoOptions["gguf"]>;

/** Beyond it a file is not looked at. */
const headerLimit = 25_000_000;

async function read(blob: Blob, start: number, end: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of blob.chunks(start, end)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Parameters by dtype of one file; undefined when it is none. */
async function countsOf(blob: Blob): Promise<Record<string, number> | undefined> {
  if (blob.size < 8) return undefined;
  const length = Number((await read(blob, 0, 8)).readBigUInt64LE());
  if (length > Math.min(blob.size - 8, headerLimit)) return undefined;
  const counts: Record<string, number> = {};
  try {
    const header = JSON.parse((await read(blob, 8, 8 + length)).toString()) as Record<
      string,
      { dtype: string; shape: number[] }
    >;
    for (const [name, { dtype, shape }] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      counts[dtype] = (counts[dtype] ?? 0) + shape.reduce((product, size) => product * size, 1);
    }
  } catch {
    return undefined;
  }
  return counts;
}

async function safetensorsOf(commit: Commit): Promise<Safetensors | undefined> {
  const parameters: Record<string, number> = {};
  for (const [path, { blob }] of commit.files) {
    if (!path.endsWith(".safetensors")) continue;
    for (const [dtype, count] of Object.entries((await countsOf(blob)) ?? {})) {
      parameters[dtype] = (parameters[dtype] ?? 0) + count;
    }
  }
  const total = Object.values(parameters).reduce((sum, count) => sum + count, 0);
  return total > 0 ? { parameters, total } : undefined;
}

const known = new WeakMap<Commit, Promise<Safetensors | undefined>>();

/** The fields `safetensors` and `gguf` of a model. */
export async function parameterCounts(
  { options }: Repository,
  commit: Commit,
): Promise<{ safetensors: Safetensors | undefined; gguf: Gguf | undefined }> {
  let found = known.get(commit);
  if (!found) {
    found = safetensorsOf(commit);
    known.set(commit, found);
  }
  return { safetensors: options.safetensors ?? (await found), gguf: options.gguf };
}
