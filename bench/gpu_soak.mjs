// Loads, generates and disposes over and over on the GPU: memory must stay flat, and the process alive.
//
//   node bench/gpu_soak.mjs [MODEL] [--cycles 1000] [--device gpu] [--keep]

import { parseArgs } from "node:util";
import { embeddedModel, loadModel } from "../dist/index.js";
import { keep } from "./results.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cycles: { type: "string", default: "1000" },
    device: { type: "string", default: "gpu" },
    keep: { type: "boolean", default: false },
  },
});
const cycles = Number(values.cycles);
const name = positionals[0] ?? embeddedModel;
const rssMb = () => Math.round(process.memoryUsage.rss() / 1e6);

const memory = [];
let first;
let adapter;
const startedAt = performance.now();
for (let cycle = 0; cycle < cycles; cycle++) {
  const model = await loadModel(name, { device: values.device });
  adapter ??= model.backend.isa;
  const { tokens } = await model.generate("Once upon a time", { maxTokens: 4, temperature: 0 });
  await model.dispose();
  first ??= tokens.join();
  if (tokens.join() !== first) throw new Error(`cycle ${cycle}: expected ${first}, received ${tokens.join()}`);
  if (cycle % Math.ceil(cycles / 20) === 0 || cycle === cycles - 1) {
    memory.push([cycle + 1, rssMb()]);
    console.log(`${cycle + 1}\t${rssMb()} MB`);
  }
}
const results = { model: positionals[0] ? name.split("/").at(-1) : "models/tiny", adapter, cycles, memory };
results.msPerCycle = Math.round((performance.now() - startedAt) / cycles);
if (values.keep) console.log(keep("gpu_soak", results));
