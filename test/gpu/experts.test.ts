// Stacks of experts on the device that are cut into parts, as they are where bindings are small: experts whose rows lie
// in two of them, gates and ups in one kernel and in two, few tokens and many.

import { afterAll, expect, it } from "vitest";
import { Memory } from "../../src/backends/webgpu/buffers.js";
import type { Device } from "../../src/backends/webgpu/device.js";
import { GpuExecutable } from "../../src/backends/webgpu/executable.js";
import { placeMatrix } from "../../src/backends/webgpu/weights.js";
import type { ExpertGlu, Program } from "../../src/program/ops.js";
import type { QuantName } from "../../src/quants/index.js";
import { count, difference, magnitudes, whole } from "../kernel_checks.js";
import { Folder, options, Random, runRows, TestProgram } from "../kernel_programs.js";
import { ReferenceExecutable } from "../reference/ops.js";
import { closeGpu, openGpu, whySkipped } from "./device.js";

const gpu = await openGpu().catch(whySkipped);
const folder = new Folder();

afterAll(async () => {
  await closeGpu();
  folder.close();
});

/** The device, as if bindings could have no more bytes. */
function withBindings(device: Device, bytes: number): Device {
  const own = Object.fromEntries(
    (["check", "checkAfter", "has"] as const).map((name) => [name, { value: device[name].bind(device) }]),
  );
  return Object.create(device, { maxPart: { value: bytes }, limits: { value: device.limits }, ...own });
}

/** An `expert_glu` and an `expert_linear` of what it gives. 5 experts of 70 rows of 96 values, and back to 96. */
function mixture(tokens: number, gateQuant: QuantName, upQuant: QuantName): { test: TestProgram; program: Program } {
  const test = new TestProgram(new Random(tokens));
  const experts = Float32Array.from(count(2 * tokens), (i) => (i * 7 + Math.floor(i / 2)) % 5);
  const [x, chosen] = [test.input(tokens, 96), test.input(tokens, 2, experts)];
  const [inner, out] = [test.buffer(140), test.buffer(192)];
  const [gate, up] = [test.weight(gateQuant, [5, 70, 96]), test.weight(upQuant, [5, 70, 96])];
  const [gateBias, upBias] = [test.weight("F32", [5, 70]), test.weight("BF16", [5, 70])];
  const glu: ExpertGlu = { kind: "expert_glu", out: inner, x, chosen, gate, gateBias, up, upBias, activation: "silu" };
  const down = test.weight("F32", [5, 96, 70]);
  test.ops.push(glu, { kind: "expert_linear", out, x: inner, chosen, weight: down, bias: undefined });
  return { test, program: test.finish(out) };
}

const skipped = typeof gpu === "string" ? ` (${gpu})` : "";
it.skipIf(typeof gpu === "string").each([
  [1, "F32", "F32"],
  [7, "BF16", "BF16"],
  [7, "Q4_0", "F16"],
  [150, "F32", "F32"],
  [150, "Q8_0", "F32"],
] as const)(`%s tokens, %s and %s${skipped}`, async (tokens, gateQuant, upQuant) => {
  const { test, program } = mixture(tokens, gateQuant, upQuant);
  const { device, kernels } = gpu as Exclude<typeof gpu, string>;
  const given = options();
  const wanted = await runRows(new ReferenceExecutable(program, test.plainWeights, given), whole(tokens));
  const small = withBindings(device, 2 ** 14);
  for (const quant of [gateQuant, upQuant]) {
    const { parts } = placeMatrix(small, new Memory(device), "w", quant, 350, 96);
    expect(parts.length).toBeGreaterThan(1);
  }
  const executable = await GpuExecutable.make(small, kernels, program, test.tensors(folder), given);
  expect(difference(await runRows(executable, whole(tokens)), wanted, magnitudes(wanted))).toBeLessThan(1e-5);
  await executable.dispose();
});
