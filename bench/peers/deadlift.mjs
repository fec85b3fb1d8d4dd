// Speed of deadlift on one model: prints one line of JSON, measured as llama.mjs measures.
//
//   node deadlift.mjs MODEL PROMPT NEW THREADS REPEATS STREAMS

import { loadModel } from "../../dist/index.js";
import { ownMb, promptIds } from "./measure.mjs";

const [path, ...numbers] = process.argv.slice(2);
const [promptTokens, newTokens, threads, repeats, streams] = numbers.map(Number);
const startedAt = performance.now();
const model = await loadModel(path, { threads });
const loadMs = performance.now() - startedAt;

const generate = (run, maxTokens) =>
  Promise.all(
    Array.from({ length: streams }, (_, i) =>
      model.generate(promptIds(promptTokens, run, i), { maxTokens, temperature: 0, stopTokens: [] }),
    ),
  );

const runs = [];
for (let run = 0; run < repeats; run++) {
  const prefillMs = Math.max(...(await generate(run, 1)).map(({ timings }) => timings.firstTokenMs));
  const decodeMs = Math.max(...(await generate(run, newTokens)).map(({ timings }) => timings.decodeMs));
  runs.push({
    prefillTps: (1000 * streams * promptTokens) / prefillMs,
    decodeTps: (1000 * streams * (newTokens - 1)) / decodeMs,
  });
}
const bandwidthGbs = await model.bandwidth();
const { isa } = model.backend;
console.log(JSON.stringify({ loadMs, runs, ownMb: ownMb(), mappedMb: model.mappedBytes / 1e6, bandwidthGbs, isa }));
await model.dispose();
