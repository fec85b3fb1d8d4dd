// Which tokens of a GGUF vocabulary end a generation: by its keys and, as llama.cpp does, by their spelling.
import type { Keys } from "./gguf_metadata.js";

// Files often name only one of several (llama.cpp, llama-vocab.cpp, special_eog_ids).
const spellings = new Set([
  "<|eot_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|return|>",
  "<|call|>",
  "<|flush|>",
  "<|calls|>",
  "<end_of_turn>",
  "<|endoftext|>",
  "</s>",
  "<|eom_id|>",
  "<EOT>",
  "_<EOT>",
  "[EOT]",
  "[EOS]",
  "<|end_of_text|>",
  "<end_of_utterance>",
  "<eos>",
  "<turn|>",
  "<|tool_response>",
  "<｜end▁of▁sentence｜>",
  "[e~[",
]);

/** Keys of further ids that end a generation. */
const endKeys = ["eot_token_id", "eom_token_id", "fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id"];

/**
 * @param eos the file's eos, which comes first
 * @returns the ids that end a generation, and those that are control tokens whatever the file calls them
 */
export function endsOfGeneration(
  tokens: readonly string[],
  keys: Keys,
  eos: number | undefined,
): { ends: number[]; control: ReadonlySet<number> } {
  const ends = new Set<number>(eos === undefined ? [] : [eos]);
  for (const key of endKeys) {
    const id = keys.id(key, tokens.length);
    if (id !== undefined) ends.add(id);
  }
  const idOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) if (spellings.has(token)) idOf.set(token, id);
  for (const id of idOf.values()) ends.add(id);
  const control = new Set(ends);
  const has = (...names: string[]) => names.every((name) => idOf.has(name));
  // Harmony and Solar end messages, not answers, with <|end|>; Gemma 4 has a stray </s>.
  if (has("<|end|>", "<|return|>", "<|call|>") || has("<|end|>", "<|calls|>", "<|flush|>"))
    ends.delete(idOf.get("<|end|>")!);
  if (has("</s>", "<|tool_response>")) {
    ends.delete(idOf.get("</s>")!);
    control.delete(idOf.get("</s>")!);
  }
  return { ends: [...ends], control };
}
