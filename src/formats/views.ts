// Weights that files hold within a larger tensor: views of the same bytes, not copies.

import { maxExperts } from "./config_checks.js";
import type { TensorInfo } from "./sizes.js";

/**
 * Replaces, by canonical name, gate and up of experts in one tensor, "layers.0.ffn.experts.gate_up" (experts, 2 * ffn, dim),
 * by those of each expert, "layers.0.ffn.experts.3.gate" (ffn, dim); "ffn.shared.gate_up" likewise.
 */
export function viewParts<T extends TensorInfo>(tensors: Map<string, T>): void {
  for (const [name, tensor] of [...tensors]) {
    const [, stem] = /^(.+\.(?:experts|shared))\.gate_up$/.exec(name) ?? [];
    if (!stem) continue;
    tensors.delete(name);
    splitGateUp(tensors, stem, tensor);
  }
}

/** The first half of each matrix's rows is its gate, the second its up. Whatever has no halves stays missing. */
function splitGateUp<T extends TensorInfo>(tensors: Map<string, T>, stem: string, tensor: T): void {
  const [rows = 0, columns = 0] = tensor.shape.slice(-2);
  const experts = tensor.shape.length === 3 ? tensor.shape[0]! : 1;
  const byteLength = tensor.byteLength / experts / 2;
  if (tensor.shape.length < 2 || tensor.shape.length > 3 || rows % 2 !== 0 || experts > maxExperts) return;
  if (!Number.isSafeInteger(byteLength)) return;
  for (let i = 0; i < 2 * experts; i++) {
    const part = i % 2 === 0 ? "gate" : "up";
    const name = tensor.shape.length === 3 ? `${stem}.${Math.floor(i / 2)}.${part}` : `${stem}.${part}`;
    tensors.set(name, { ...tensor, shape: [rows / 2, columns], offset: tensor.offset + i * byteLength, byteLength });
  }
}
