// How long the event loop is held up while a model loads, reads a prompt and generates (monitorEventLoopDelay).
//
//   node bench/event_loop.mjs [MODEL ...] [--gpu] [--keep]

import { monitorEventLoopDelay } from "node:perf_hooks";
import { embeddedModel, loadModel } from "../dist/index.js";
import { keep } from "./results.mjs";

const device = process.argv.includes("--gpu") ? "gpu" : "cpu";

/** The monitor wakes every `resolution` ms; what it is late by is the delay. */
const resolution = 1;

async function measure(work) {
  const monitor = monitorEventLoopDelay({ resolution });
  monitor.enable();
  await new Promise((resolve) => setTimeout(resolve, 50));
  monitor.reset();
  const result = await work();
  await new Promise((resolve) => setTimeout(resolve, 10)); // a block at the very end is noticed only now
  monitor.disable();
  const ms = (ns) => Number(Math.max(0, ns / 1e6 - resolution).toFixed(2));
  return { result, delay: { p50: ms(monitor.percentile(50)), p99: ms(monitor.percentile(99)), max: ms(monitor.max) } };
}

async function row(name) {
  const loading = await measure(() => loadModel(name, { device }));
  const model = loading.result;
  const prompt = Int32Array.from({ length: Math.min(512, model.contextSize - 200) }, (_, i) => 100 + ((i * 37) % 1500));
  const once = { temperature: 0, stopTokens: [] };
  const prefill = await measure(() => model.generate(prompt, { ...once, maxTokens: 1 }));
  const generating = await measure(async () => {
    const started = performance.now();
    while (performance.now() - started < 5000) {
      for await (const _ of model.generate(prompt, { ...once, maxTokens: 150 }));
    }
  });
  const adapter = device === "gpu" ? { adapter: model.backend.isa } : {};
  await model.dispose();
  return {
    ...adapter,
    model: name === embeddedModel ? "models/tiny" : name.split("/").at(-1),
    loading: loading.delay,
    prefill: prefill.delay,
    generating: generating.delay,
  };
}

const models = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const rows = [];
for (const name of models.length > 0 ? models : [embeddedModel]) rows.push(await row(name));
for (const { model, adapter, ...delays } of rows) {
  console.log(adapter ? `${model} on ${adapter}` : model);
  console.table(delays);
}
if (process.argv.includes("--keep")) console.log(keep(device === "gpu" ? "event_loop_gpu" : "event_loop", rows));
