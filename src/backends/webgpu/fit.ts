// What of the steps asked for a device has room for: no buffer may be larger than it binds.

import type { Program } from "../../program/ops.js";
import type { CompileOptions } from "../backend.js";
import type { Device } from "./device.js";
import { kvShape } from "./lower/kv.js";
import { stride } from "./lowering.js";

/** The widest row of a program decides how many tokens a step may have, the pages' size how many of them there are. */
export function fitOptions(program: Program, options: CompileOptions, device: Device): CompileOptions {
  const most = device.maxBinding;
  // Kernels have a workgroup or more for each row of a step.
  const { maxComputeWorkgroupsPerDimension: mostRows } = device.limits;
  const widest = (rows: "tokens" | "outputs") =>
    Math.max(32, ...program.buffers.filter((one) => one.rows === rows).map(({ width }) => stride(width)));
  const pageBytes = Math.max(4, ...program.layers.map((layer) => 4 * kvShape(layer, options).pageWords));
  const stateBytes = Math.max(4, ...program.states.map(({ values }) => 4 * values));
  return {
    ...options,
    maxTokens: Math.min(options.maxTokens, mostRows, Math.floor(most / (4 * widest("tokens")))),
    maxOutputs: Math.min(options.maxOutputs, mostRows, Math.floor(most / (4 * widest("outputs")))),
    pages: Math.min(options.pages, Math.floor(most / pageBytes)),
    states: Math.min(options.states ?? 0, Math.floor(most / stateBytes)),
  };
}
