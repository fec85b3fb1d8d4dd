// Latent attention, of DeepSeek 2 and its relatives: keys and values of all heads come from one narrow vector of a token.

import type { Config, Latent } from "../program/config.js";
import type { BufferId, RopeId } from "../program/ops.js";
import type { Recorder } from "../program/recorder.js";

/** Of x, (dim), normed. A head has `passDim` values that do not turn, then `headDim` that do; the latter are one key for all. */
export function latentAttention(p: Recorder, c: Config, x: BufferId, rope: RopeId, layer: string): BufferId {
  const { heads, headDim } = c;
  const latent = c.latent!;
  const { queryRank, rank, passDim, epsilon } = latent;
  const width = passDim + headDim;
  const bias = c.bias.qkv;

  const first = queryRank
    ? p.linear(x, `${layer}.q_a`, queryRank, { bias })
    : p.linear(x, `${layer}.q`, heads * width, { bias: false });
  const both = p.linear(x, `${layer}.kv_a`, rank + headDim, { bias });
  const q = queryRank
    ? p.linear(p.norm(first, `${layer}.q_a_norm`, { epsilon }), `${layer}.q_b`, heads * width)
    : first;
  const parts: Parts = {
    q: p.slice(q, 0, passDim, width),
    qTurned: p.rope(p.slice(q, passDim, headDim, width), rope, headDim),
    latent: p.norm(p.slice(both, 0, rank), `${layer}.kv_a_norm`, { epsilon }),
    kTurned: p.rope(p.slice(both, rank, headDim), rope, headDim),
  };
  const mixed = latent.absorbed ? absorbed(p, c, latent, parts, layer) : expanded(p, c, latent, parts, layer);
  return p.linear(mixed, `${layer}.o`, c.dim, { bias: c.bias.attentionOutput });
}

interface Parts {
  readonly q: BufferId; // (heads, passDim)
  readonly qTurned: BufferId; // (heads, headDim)
  readonly latent: BufferId; // (rank)
  readonly kTurned: BufferId; // (headDim)
}

/** Each head has keys and values of its own, which are kept. */
function expanded(p: Recorder, c: Config, { passDim, valueDim }: Latent, parts: Parts, layer: string): BufferId {
  const { heads } = c;
  const headDim = passDim + c.headDim;
  const stride = passDim + valueDim;
  const both = p.linear(parts.latent, `${layer}.kv_b`, heads * stride);
  const k = p.concat(p.slice(both, 0, passDim, stride), parts.kTurned, heads, true);
  const v = p.slice(both, passDim, valueDim, stride);
  const scale = c.scales.attention;
  return p.attend(p.concat(parts.q, parts.qTurned, heads), k, v, { kvHeads: heads, headDim, valueDim, scale });
}

/**
 * The same, as q . (K latent) is (K^T q) . latent, and the sum of V latents is V of their sum: only the latent and what
 * turns are kept, one for all heads.
 */
function absorbed(p: Recorder, c: Config, { rank, passDim, valueDim }: Latent, parts: Parts, layer: string): BufferId {
  const { heads } = c;
  const headDim = rank + c.headDim;
  const q = p.concat(p.groupLinear(parts.q, `${layer}.k_b`, [heads, rank, passDim]), parts.qTurned, heads);
  const scale = c.scales.attention ?? 1 / Math.sqrt(passDim + c.headDim);
  const options = { kvHeads: 1, headDim, valueDim: rank, scale };
  const seen = p.attend(q, p.concat(parts.latent, parts.kTurned), parts.latent, options);
  return p.groupLinear(seen, `${layer}.v_b`, [heads, valueDim, rank]);
}
