// Speed of onnxruntime-node (the engine of transformers.js) on one encoder: prints one line of JSON.
//
//   node encode_ort.mjs PACKAGES MODEL.onnx BATCH TOKENS THREADS REPEATS
//
// Only its engine is timed: ids are there, and states are not pooled.

import { createRequire } from "node:module";
import { join } from "node:path";
import { EventLoop } from "./measure.mjs";

const [packages, path, batch, tokens, threads, repeats] = process.argv.slice(2);
const ort = createRequire(join(packages, "package.json"))("onnxruntime-node");
const session = await ort.InferenceSession.create(path, {
  ...{ executionProviders: ["cpu"], graphOptimizationLevel: "all", executionMode: "sequential" },
  ...{ intraOpNumThreads: Number(threads), interOpNumThreads: 1 },
});
const dims = [Number(batch), Number(tokens)];
const idOf = (i, j) => (j === 0 ? 2 : j === tokens - 1 ? 3 : 5 + ((i * 7919 + (j - 1) * 104729) % 30000));
const ids = BigInt64Array.from({ length: batch * tokens }, (_, at) =>
  BigInt(idOf(Math.floor(at / tokens), at % tokens)),
);
const feeds = {
  input_ids: new ort.Tensor("int64", ids, dims),
  token_type_ids: new ort.Tensor("int64", new BigInt64Array(ids.length), dims),
};
const { last_hidden_state: first } = await session.run(feeds);
const loop = new EventLoop();
loop.restart();
const times = [];
for (let run = 0; run < Number(repeats); run++) {
  const startedAt = performance.now();
  await session.run(feeds);
  times.push(performance.now() - startedAt);
  await new Promise((resolve) => setTimeout(resolve, 3));
}
const delays = await loop.delays();
// The mean of the first text, of length 1, as ours.
const width = first.dims[2];
const mean = Float64Array.from({ length: width }, (_, d) => {
  let sum = 0;
  for (let t = 0; t < tokens; t++) sum += first.data[t * width + d];
  return sum / tokens;
});
const length = Math.hypot(...mean);
console.log(JSON.stringify({ times, delays, start: [...mean.slice(0, 4)].map((value) => value / length) }));
process.exit(0);
