// BPE over characters with bytes for the rest, as SentencePiece makes it: GGUF keeps scores where it has merges.

import { TokenType } from "../gguf_metadata.js";
import { invalid, isRecord, type PartJson } from "../parts.js";
import type { ModelJson, TokenizerJson } from "../schema.js";
import { mergesOf } from "../spm_merges.js";

/** Tokens that nothing is merged into are below all others, and at least so far down, as converters put them. */
const leastScores = 1000;

/** Whether GGUF's "llama" is the kind of this tokenizer. */
export function isSentencePiece({ model, pre_tokenizer, normalizer }: TokenizerJson): boolean {
  if (model.type !== "BPE" || model.fields.byte_fallback !== true) return false;
  return !JSON.stringify([pre_tokenizer, normalizer]).includes('"ByteLevel"');
}

/** Whether a space is put before texts. Throws InvalidTokenizer for texts that are treated as GGUF cannot say. */
export function prefixesSpace({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const steps = normalizersOf(normalizer).filter(({ type }) => type !== "NFC");
  const replaces = steps.some(({ type, pattern, content }) => {
    return type === "Replace" && isRecord(pattern) && pattern.String === " " && content === "▁";
  });
  const prepends = steps.some(({ type, prepend }) => type === "Prepend" && prepend === "▁");
  const known = steps.length === (replaces ? 1 : 0) + (prepends ? 1 : 0);
  if (known && replaces && (pre_tokenizer === null || cutsAtSpaces(pre_tokenizer))) return prepends;
  if (known && steps.length === 0 && pre_tokenizer?.type === "Metaspace" && pre_tokenizer.split === false) {
    const { prepend_scheme: scheme, add_prefix_space: old, replacement } = pre_tokenizer;
    if (replacement === undefined || replacement === "▁")
      return scheme === undefined ? old !== false : scheme !== "never";
  }
  throw invalid(
    "the tokenizer changes texts as GGUF cannot say of SentencePiece: expected spaces to become ▁, no more",
  );
}

/** The normalizers of a sequence, or the one. */
export function normalizersOf(normalizer: PartJson | null): PartJson[] {
  if (normalizer === null) return [];
  return normalizer.type === "Sequence" ? (normalizer.normalizers as PartJson[]).flatMap(normalizersOf) : [normalizer];
}

/** Gemma's cut behind spaces, of which there are none any more. */
function cutsAtSpaces({ type, pattern }: PartJson): boolean {
  return type === "Split" && isRecord(pattern) && pattern.String === " ";
}

/**
 * Scores by which merging the best-scored neighbours takes the steps of the merges: the earlier a token is made, the
 * better its score. Throws InvalidTokenizer where no scores can, which is so for merges that were not made of scores.
 */
export function scoresOf(model: ModelJson, tokens: readonly string[], types: Int32Array): Float32Array {
  const merges = (model.merges ?? []).map((merge) => (typeof merge === "string" ? merge.split(" ") : merge));
  const places = new Map<string, number>();
  for (const [left, right] of merges) {
    const made = left! + right!;
    if (!places.has(made)) places.set(made, places.size);
  }
  // Floats count exactly up to 2^24: more tokens than any vocabulary has.
  const worst = Math.max(places.size, leastScores);
  const scores = Float32Array.from(tokens, (token) => 0 - (places.get(token) ?? worst));
  checkSame(merges, { tokens, scores, types });
  return scores;
}

/** Each token has all its merges, in a row of their own: then which of them comes first makes no difference. */
function checkSame(
  merges: readonly (readonly string[])[],
  vocabulary: { tokens: readonly string[]; scores: Float32Array; types: Int32Array },
): void {
  const { tokens, types } = vocabulary;
  const typeOf = new Map(tokens.map((token, i) => [token, types[i]]));
  // Found in texts before anything merges, so that merges to them never happen.
  const happens = ([left, right]: readonly string[]) => typeOf.get(left! + right!) === TokenType.normal;
  const given = merges.filter(happens).map((merge) => merge.join(" "));
  const implied = mergesOf(vocabulary).filter(happens);
  const missing = new Set(given);
  const extra = implied.find((merge) => !missing.delete(merge.join(" ")));
  const [other] = missing;
  const apart = scatteredToken(merges.filter(happens));
  if (!extra && other === undefined && apart === undefined) return;
  const example = extra ? `"${extra.join('" and "')}" would merge` : (other ?? apart);
  throw invalid(
    "the tokenizer's merges are not those of a SentencePiece vocabulary, and GGUF keeps scores in their place, " +
      `which would give other ids (${example})`,
  );
}

/** A token whose merges have those of others between them. */
function scatteredToken(merges: readonly (readonly string[])[]): string | undefined {
  const done = new Set<string>();
  let current: string | undefined;
  for (const [left, right] of merges) {
    const made = left! + right!;
    if (made === current) continue;
    if (done.has(made)) return made;
    done.add(made);
    current = made;
  }
  return undefined;
}
