// Collects garbage between all steps, in the thread that has the device; then loads, generates and disposes many times.

import { record } from "../../dist/architectures/index.js";
import { Device } from "../../dist/backends/webgpu/device.js";
import { GpuExecutable } from "../../dist/backends/webgpu/executable.js";
import { Kernels } from "../../dist/backends/webgpu/kernels.js";
import { openModel } from "../../dist/formats/open.js";
import { bindWeights } from "../../dist/formats/weights.js";
import { embeddedModel, loadModel } from "../../dist/index.js";
import { fuse } from "../../dist/program/fuse.js";

const options = { pages: 40, pageTokens: 32, maxTokens: 512, maxOutputs: 8, kvType: "f16" };

async function collectBetweenSteps() {
  const opened = await openModel(embeddedModel);
  const device = await Device.open();
  const program = fuse(record(opened.config));
  const weights = bindWeights(program, opened.tensors);
  const executable = await GpuExecutable.make(device, new Kernels(device), program, weights, options);
  let ids = "";
  for (let position = 0; position < 40; position++) {
    globalThis.gc();
    await new Promise(setImmediate);
    const spans = [{ count: 1, position, pages: Int32Array.of(0, 1) }];
    const [{ logits }] = await executable.run({
      tokens: Int32Array.of(5 + position),
      spans,
      outputs: [{ token: 0, logits: true }],
    });
    globalThis.gc();
    ids += `${logits.indexOf(Math.max(...logits))} `;
  }
  await executable.dispose();
  await device.destroy();
  globalThis.gc();
  opened.close();
  return ids;
}

const [first, second] = [await collectBetweenSteps(), await collectBetweenSteps()];
let before = 0;
for (let cycle = 0; cycle < 24; cycle++) {
  const model = await loadModel(embeddedModel, { device: "gpu" });
  await model.generate("Once upon a time", { maxTokens: 2, temperature: 0 });
  await model.dispose();
  globalThis.gc();
  if (cycle === 11) before = process.memoryUsage.rss();
}
const growthMb = Math.round((process.memoryUsage.rss() - before) / 1e6);
console.log(JSON.stringify({ same: first === second, growthMb }));
