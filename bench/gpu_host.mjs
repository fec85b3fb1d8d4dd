// What a step costs the host when the GPU costs nothing: a model of 28 layers on Dawn's null backend, which validates,
// encodes and submits, and computes nothing. No driver is needed.
//
//   node bench/gpu_host.mjs [--layers 28] [--tokens 400] [--validate] [--keep]
//
// "device": encoding, submitting and reading back, on the thread that has the device. "thread": the same asked for from
// another thread, as models do.

import { parseArgs } from "node:util";
import { record } from "../dist/architectures/index.js";
import { WebGpuBackend } from "../dist/backends/webgpu/backend.js";
import { Device } from "../dist/backends/webgpu/device.js";
import { GpuExecutable } from "../dist/backends/webgpu/executable.js";
import { Kernels } from "../dist/backends/webgpu/kernels.js";
import { openModel } from "../dist/formats/open.js";
import { bindWeights } from "../dist/formats/weights.js";
import { embeddedModel } from "../dist/index.js";
import { fuse } from "../dist/program/fuse.js";
import { createSampler } from "../dist/sampling.js";
import { keep } from "./results.mjs";

const { values } = parseArgs({
  options: {
    layers: { type: "string", default: "28" },
    tokens: { type: "string", default: "400" },
    validate: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const [layers, tokens] = [Number(values.layers), Number(values.tokens)];
const onNull = { backend: "null", validate: values.validate, variants: ["subgroups"] };
const options = { pages: 64, pageTokens: 32, maxTokens: 512, maxOutputs: 64, kvType: "f16" };

/** The embedded model with its layers as often as it takes. */
function deepProgram(opened) {
  const program = fuse(record({ ...opened.config, layers }));
  const there = (name) =>
    name.replace(/^layers\.(\d+)/, (_, layer) => `layers.${Number(layer) % opened.config.layers}`);
  const weights = program.weights.map(({ name, shape }) => ({ name: there(name), shape }));
  return { program, weights: bindWeights({ ...program, weights }, opened.tensors) };
}

async function measure(executable, vocab) {
  const { sampler } = createSampler({ temperature: 0 }, {}, vocab, new Int32Array(0));
  const pages = Int32Array.from({ length: 16 }, (_, page) => page);
  const times = [];
  for (let position = 0; position < tokens + 20; position++) {
    const batch = {
      tokens: Int32Array.of(1),
      spans: [{ count: 1, position: position % 500, pages }],
      outputs: [{ token: 0, sampler }],
    };
    const startedAt = performance.now();
    await executable.run(batch);
    if (position >= 20) times.push(performance.now() - startedAt);
    if (position % 50 === 0) await new Promise(setImmediate);
  }
  times.sort((a, b) => a - b);
  const at = (share) => Number(times[Math.floor(share * (times.length - 1))].toFixed(3));
  return { medianMs: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99) };
}

const opened = await openModel(embeddedModel);
const { program, weights } = deepProgram(opened);
const { vocab } = opened.config;

const device = await Device.open(onNull);
const near = await GpuExecutable.make(device, new Kernels(device), program, weights, options);
const results = { layers, ops: program.ops.length, dispatches: near.dispatchesOf(1), validate: values.validate };
results.device = await measure(near, vocab);
await near.dispose();
await device.destroy();

const backend = await WebGpuBackend.open(onNull);
const far = await backend.compile(program, weights, options);
results.thread = await measure(far, vocab);
await far.dispose();
await backend.dispose();
opened.close();

console.log(`${layers} layers, ${results.ops} ops, ${results.dispatches} dispatches a token`);
console.table({ device: results.device, thread: results.thread });
if (values.keep) console.log(keep("gpu_host", results));
