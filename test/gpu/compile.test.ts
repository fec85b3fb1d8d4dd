// Every kernel with every type compiles: on Dawn's null backend, which checks everything, needs no driver and computes nothing.

import { afterAll, describe, it } from "vitest";
import { layouts } from "../../src/backends/webgpu/layouts.js";
import type { DeadliftError } from "../../src/error.js";
import type { QuantName } from "../../src/quants/index.js";
import { compileDecode } from "./decode.js";
import { closeGpu, openGpu } from "./device.js";

const gpu = await openGpu({ backend: "null" }).catch(({ message }: DeadliftError) => message);

afterAll(closeGpu);

describe.skipIf(typeof gpu === "string")(`compiles${typeof gpu === "string" ? ` (${gpu})` : ""}`, () => {
  const { kernels } = gpu as Exclude<typeof gpu, string>;

  it.each(Object.keys(layouts) as QuantName[])("the decode of %s", async (name) => {
    await compileDecode(kernels, layouts[name]!);
  });
});
