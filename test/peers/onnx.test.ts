// The ONNX model that transformers.js is measured with is the model that we are measured with: with the same numbers in
// safetensors, we and its engine give the same logits, whole and step by step.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { writeOnnx } from "../../bench/peers/onnx_model.mjs";
import { modelConfig } from "../../bench/shapes.mjs";
import { embeddedModel, loadModel } from "../../src/index.js";
import { tempFolder } from "../reference/temp.js";
import { safetensorsFile } from "../reference/write_safetensors.js";
import { type Numbers, storedNumbers } from "./onnx_file.js";

const { folder, missing } = inject("transformers");
const shape = {
  ...{ architecture: "llama", theta: 10000, epsilon: 1e-5, context: 256, vocab: 512 },
  ...{ dim: 64, ffn: 96, layers: 2, heads: 4, kvHeads: 2, headDim: 16 },
};
const ids = Array.from({ length: 50 }, (_, i) => (i * 37) % shape.vocab);

/** As safetensors, which stores a matrix by rows of results. */
function writeTwin(onnx: ReadonlyMap<string, Numbers>): string {
  const tensors: [string, Numbers][] = [];
  const plain = (name: string, from: string) => tensors.push([`${name}.weight`, onnx.get(from)!]);
  const turned = (name: string, from: string) => tensors.push([`${name}.weight`, transposed(onnx.get(from)!)]);
  plain("model.embed_tokens", "embed");
  plain("model.norm", "norm");
  turned("lm_head", "output");
  for (let i = 0; i < shape.layers; i++) {
    const [to, from] = [`model.layers.${i}`, `layers.${i}`];
    plain(`${to}.input_layernorm`, `${from}.attention_norm`);
    plain(`${to}.post_attention_layernorm`, `${from}.ffn_norm`);
    for (const name of ["q", "k", "v", "o"]) turned(`${to}.self_attn.${name}_proj`, `${from}.${name}`);
    for (const name of ["gate", "up", "down"]) turned(`${to}.mlp.${name}_proj`, `${from}.${name}`);
  }
  const header: Record<string, object> = {};
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const data = Buffer.concat(tensors.map(([, { values }]) => Buffer.from(values.buffer)));
  return tempFolder({
    "model.safetensors": safetensorsFile(header, data),
    "config.json": modelConfig(shape),
    "tokenizer.json": readFileSync(join(embeddedModel, "tokenizer.json")),
  });
}

function transposed({ shape, values }: Numbers): Numbers {
  const [columns, rows] = shape as [number, number];
  const turned = values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!);
  return { shape: [rows, columns], values: turned };
}

type Feeds = Record<string, object>;

/** Runs a model in onnxruntime-node, the engine of transformers.js. */
async function engine(path: string) {
  const ort = createRequire(join(folder!, "package.json"))("onnxruntime-node");
  const session = await ort.InferenceSession.create(path);
  const whole = (values: bigint[]) => new ort.Tensor("int64", BigInt64Array.from(values), [1, values.length]);
  const caches = (of: (layer: number, kind: string) => object): Feeds =>
    Object.fromEntries(
      Array.from({ length: shape.layers }, (_, i) => ["key", "value"].map((kind) => [i, kind] as const))
        .flat()
        .map(([i, kind]) => [`past_key_values.${i}.${kind}`, of(i, kind)]),
    );
  const run = async (tokens: number[], total: number, past: Feeds) => {
    const feeds = { input_ids: whole(tokens.map(BigInt)), attention_mask: whole(Array(total).fill(1n)) };
    const results = await session.run({ ...feeds, ...past });
    return {
      logits: results.logits.data as Float32Array,
      past: caches((i, kind) => results[`present.${i}.${kind}`]),
    };
  };
  const sizes = [1, shape.kvHeads, 0, shape.headDim];
  return { run, none: caches(() => new ort.Tensor("float32", new Float32Array(0), sizes)) };
}

describe.skipIf(missing)(`the ONNX model${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("is the same model", async () => {
    const written = tempFolder();
    writeOnnx(written, shape, "fp32");
    const path = join(written, "onnx/model.onnx");
    await using model = await loadModel(writeTwin(storedNumbers(path)));
    const ours = (await model.logits(ids)).at(-1)!;
    const { run, none } = await engine(path);
    const apart = (theirs: Float32Array) => Math.max(...theirs.map((x, i) => Math.abs(x - ours[i]!)));
    expect(Math.max(...ours)).toBeGreaterThan(0.1);
    expect(apart((await run(ids, 50, none)).logits)).toBeLessThan(1e-5);
    const { past } = await run(ids.slice(0, 49), 49, none);
    expect(apart((await run(ids.slice(49), 50, past)).logits)).toBeLessThan(1e-5);
  });
});
