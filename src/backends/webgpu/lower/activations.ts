// Activations as numbers that kernels are told.

import type { GateActivation } from "../../../program/ops.js";

/** Cases of kernels/webgpu/lib/activations.wgsl. */
const codes: Readonly<Record<GateActivation, number>> = {
  silu: 0,
  gelu: 1,
  gelu_tanh: 2,
  gelu_quick: 3,
  relu: 4,
  relu2: 5,
  sigmoid: 6,
  tanh: 7,
  clamped_swish: 8,
};

export function activationCode(name: GateActivation): number {
  return codes[name];
}
