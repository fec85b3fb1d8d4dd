// Speed of deadlift on one model: prints one line of JSON, measured as llama.mjs measures.
//
//   node deadlift.mjs MODEL PROMPT NEW THREADS REPEATS STREAMS          0 THREADS: as many as it chooses

import { loadModel } from "../../dist/index.js";
import { EventLoop, ownMb, promptIds, speeds } from "./measure.mjs";

const [path, ...numbers] = process.argv.slice(2);
const [promptTokens, newTokens, threads, repeats, streams] = numbers.map(Number);
const loop = new EventLoop();
const startedAt = performance.now();
const model = await loadModel(path, { threads: threads || undefined });
const loadMs = performance.now() - startedAt;
const loading = await loop.delays();

const generate = (run, maxTokens) =>
  Promise.all(
    Array.from({ length: streams }, (_, i) =>
      model.generate(promptIds(promptTokens, run, i), { maxTokens, temperature: 0, stopTokens: [] }),
    ),
  );

const runs = [];
loop.restart();
for (let run = 0; run < repeats; run++) {
  const prefillMs = Math.max(...(await generate(run, 1)).map(({ timings }) => timings.firstTokenMs));
  const written = await generate(run, newTokens);
  if (written.some(({ usage }) => usage.cachedTokens < promptTokens - 1)) {
    throw new Error(`the KV cache does not keep the prompts of ${streams} streams`);
  }
  const spans = written.map(({ timings }) => ({
    first: timings.firstTokenMs,
    last: timings.firstTokenMs + timings.decodeMs,
  }));
  runs.push(speeds({ streams, promptTokens, newTokens, prefillMs, spans }));
}
const delays = { loading, generating: await loop.delays() };
const result = { loadMs, runs, ownMb: ownMb(), mappedMb: model.mappedBytes / 1e6, delays };
const limits = { bandwidthGbs: await model.bandwidth(), peakTflops: await model.peak() };
const { isa, threads: used } = model.backend;
const { promptFlops } = model.work;
const stepBytes = model.work.stepBytes(streams, promptTokens + newTokens / 2);
console.log(JSON.stringify({ ...result, ...limits, isa, threads: used, promptFlops, stepBytes }));
await model.dispose();
