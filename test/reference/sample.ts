// The meaning of sampling, written plainly: full sorts, Math.exp, BigInt random numbers. native/sample.cc must agree.

import type { NativeSamplerOptions, Sampled } from "../../src/native.js";

/** An id that can still be drawn. Weights are probabilities relative to the most probable id's. */
interface Candidate {
  id: number;
  logit: number;
  weight: number;
}

const f32 = Math.fround;
const largest = f32(3.4028234663852886e38);

/** NaN counts as -Infinity, +Infinity as the largest float. */
const tame = (logit: number) => (Number.isNaN(logit) ? -Infinity : Math.min(logit, largest));
const total = (candidates: readonly Candidate[]) => candidates.reduce((sum, { weight }) => sum + weight, 0);
const byId = (a: Candidate, b: Candidate) => a.id - b.id;

export class ReferenceSampler {
  readonly #options: NativeSamplerOptions;
  readonly #seen: Set<number>;
  readonly #counts = new Map<number, number>(); // of sampled ids
  #random: bigint;

  constructor(options: NativeSamplerOptions) {
    this.#options = options;
    this.#seen = new Set(options.history);
    this.#random = options.seed;
  }

  sample(raw: Float32Array): Sampled {
    const id = this.#pick(this.adjusted(raw));
    this.#seen.add(id);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#options.logprobs < 0) return { id, logprob: undefined, top: undefined };
    const logprobs = logSoftmax(raw);
    const order = Array.from(raw.keys()).sort((a, b) => compare(tame(raw[b]!), tame(raw[a]!)) || a - b);
    const top = order.filter((one) => tame(raw[one]!) > -Infinity).slice(0, this.#options.logprobs);
    return { id, logprob: logprobs(id), top: top.map((one) => ({ id: one, logprob: logprobs(one) })) };
  }

  /** Logits after bias and penalties, in float32. */
  adjusted(raw: Float32Array): Float32Array {
    const { biasIds, biasValues, repetitionPenalty, frequencyPenalty, presencePenalty } = this.#options;
    const logits = raw.slice();
    biasIds.forEach((id, i) => {
      logits[id]! += biasValues[i]!;
    });
    const repetition = f32(repetitionPenalty);
    for (const id of this.#seen) {
      if (id < 0 || id >= logits.length || repetitionPenalty === 1) continue;
      logits[id] = logits[id]! < 0 ? logits[id]! * repetition : logits[id]! / repetition;
    }
    for (const [id, count] of this.#counts) logits[id]! -= count * frequencyPenalty + presencePenalty;
    return logits;
  }

  /** What temperature and cuts leave of adjusted logits, in order of ids. */
  left(logits: Float32Array): Candidate[] {
    const { temperature, topK, topP, minP, typicalP } = this.#options;
    const max = logits.reduce((most, logit) => Math.max(most, tame(logit)), -Infinity);
    let left = Array.from(logits, (logit, id) => ({ id, logit: tame(logit), weight: 0 }));
    left = left.filter(({ logit }) => logit > -Infinity);
    for (const one of left) one.weight = Math.exp((one.logit - max) / temperature);
    if (topK > 0) left = cutTopK(left, topK);
    if (topP < 1) left = cutTopP(left, topP);
    if (minP > 0) left = left.filter(({ weight }) => weight >= minP);
    if (typicalP < 1) left = cutTypical(left, typicalP, (logit) => (logit - max) / temperature);
    return left.sort(byId);
  }

  #pick(logits: Float32Array): number {
    if (this.#options.temperature === 0 || this.#options.topK === 1) {
      return logits.reduce((best, logit, id) => (tame(logit) > tame(logits[best]!) ? id : best), 0);
    }
    const uniform = this.#uniform();
    const left = this.left(logits);
    const target = uniform * total(left);
    return left[firstAtWhich(left, (sum) => sum > target)]?.id ?? 0;
  }

  /** splitmix64, the upper 53 bits. */
  #uniform(): number {
    const wrap = (value: bigint) => BigInt.asUintN(64, value);
    this.#random = wrap(this.#random + 0x9e3779b97f4a7c15n);
    let z = this.#random;
    z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return Number((z ^ (z >> 31n)) >> 11n) / 2 ** 53;
  }
}

/** The k largest, and all that equal the k-th. */
function cutTopK(left: Candidate[], k: number): Candidate[] {
  const logits = left.map(({ logit }) => logit).sort((a, b) => compare(b, a));
  return k >= logits.length ? left : left.filter(({ logit }) => logit >= logits[k - 1]!);
}

/** Most probable first, of equals the lowest id first, while those before sum to less than `share`. */
function cutTopP(left: Candidate[], share: number): Candidate[] {
  const mass = share * total(left);
  const order = [...left].sort((a, b) => compare(b.logit, a.logit) || a.id - b.id);
  let before = 0;
  const kept = order.filter(({ weight }, i) => {
    const keep = i === 0 || before < mass;
    before += weight;
    return keep;
  });
  return kept.sort(byId);
}

/** Nearest to the expected surprise first, until `share` is reached; all that are as near as the last. */
function cutTypical(left: Candidate[], share: number, scaled: (logit: number) => number): Candidate[] {
  const sum = total(left);
  const mean = left.reduce((m, { logit, weight }) => (weight > 0 ? m + weight * scaled(logit) : m), 0) / sum;
  const distance = ({ logit }: Candidate) => Math.abs(scaled(logit) - mean);
  const order = [...left].sort((a, b) => compare(distance(a), distance(b)));
  const last = order[firstAtWhich(order, (reached) => reached >= share * sum)];
  return last ? left.filter((one) => distance(one) <= distance(last)) : left;
}

/** Index at which the sum of weights, itself included, first holds; -1 when it never does. */
function firstAtWhich(candidates: readonly Candidate[], holds: (sum: number) => boolean): number {
  let sum = 0;
  return candidates.findIndex(({ weight }) => {
    sum += weight;
    return holds(sum);
  });
}

function logSoftmax(raw: Float32Array): (id: number) => number {
  const max = raw.reduce((most, logit) => Math.max(most, tame(logit)), -Infinity);
  const logSum = max + Math.log(raw.reduce((sum, logit) => sum + Math.exp(tame(logit) - max), 0));
  return (id) => (tame(raw[id]!) === -Infinity ? -Infinity : f32(tame(raw[id]!) - logSum));
}

/** Subtraction would make NaN of equal infinities. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
