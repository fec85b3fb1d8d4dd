// Where the time of a prompt and of a token goes on the GPU, kernel by kernel, by its own time stamps.
//
//   node bench/gpu_profile.mjs [MODEL] [--prompt 512] [--depth 512] [--streams 1] [--adapter NAME] [--variants subgroups,serial]
//                              [--json]

import { parseArgs } from "node:util";
import { record } from "../dist/architectures/index.js";
import { Device } from "../dist/backends/webgpu/device.js";
import { GpuExecutable } from "../dist/backends/webgpu/executable.js";
import { Kernels } from "../dist/backends/webgpu/kernels.js";
import { openModel } from "../dist/formats/open.js";
import { bindWeights } from "../dist/formats/weights.js";
import { embeddedModel } from "../dist/index.js";
import { fuse } from "../dist/program/fuse.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prompt: { type: "string", default: "512" },
    depth: { type: "string", default: "512" },
    streams: { type: "string", default: "1" },
    adapter: { type: "string" },
    variants: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [prompt, depth, streams] = [values.prompt, values.depth, values.streams].map(Number);
const pageTokens = 32;
const pagesOf = Math.ceil((Math.max(prompt, depth) + 2) / pageTokens);

const device = await Device.open({
  adapter: values.adapter,
  variants: values.variants?.split(",").filter((name) => name !== ""),
});
const opened = await openModel(positionals[0] ?? embeddedModel);
const program = fuse(record(opened.config));
const options = { pages: pagesOf * streams, pageTokens, maxTokens: 512, maxOutputs: 64, kvType: "f16" };
const weights = bindWeights(program, opened.tensors);
const executable = await GpuExecutable.make(device, new Kernels(device), program, weights, options);

function step(count, position) {
  const spans = Array.from({ length: streams }, (_, s) => ({
    count,
    position,
    pages: Int32Array.from({ length: pagesOf }, (_, page) => s * pagesOf + page),
  }));
  const tokens = Int32Array.from({ length: count * streams }, (_, i) => 3 + ((i * 37) % (opened.config.vocab - 3)));
  return { tokens, spans, outputs: spans.map((_, s) => ({ token: (s + 1) * count - 1, logits: true })) };
}

const steps = [];

async function show(title, batch) {
  await executable.run(batch); // drivers compile at first use
  const startedAt = performance.now();
  await executable.run(batch);
  const wallMs = performance.now() - startedAt;
  const times = await executable.profile(batch);
  const all = times.reduce((sum, { us }) => sum + us, 0);
  const rows = times.map(({ us, ...rest }) => ({
    ...rest,
    us: Math.round(us),
    share: `${((100 * us) / all).toFixed(1)} %`,
  }));
  steps.push({ title, wallMs: Number(wallMs.toFixed(2)), kernelsMs: Number((all / 1000).toFixed(2)), rows });
  if (values.json) return;
  console.log(`${title}: ${wallMs.toFixed(2)} ms, kernels ${(all / 1000).toFixed(2)} ms`);
  console.table(rows);
}

if (!values.json) console.log(device.facts.name, device.variants.join(", "));
await show(`${prompt} tokens of prompt`, step(Math.floor(prompt / streams), 0));
await show(`one token of each of ${streams} after ${depth}`, step(1, depth));
if (values.json) console.log(JSON.stringify({ adapter: device.facts.name, variants: device.variants, steps }));
await executable.dispose();
await device.destroy();
opened.close();
