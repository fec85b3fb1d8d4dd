// Token spellings back to text, one token at a time: the decoders of tokenizer.json as a chain of small machines.
import {
  byteFallback,
  byteLevel,
  each,
  endOfWord,
  heldBack,
  type MakeStage,
  metaspace,
  replaceInText,
  type Stage,
  spaced,
  stripText,
  stripToken,
  textCleanUps,
  wordPiece,
} from "./stages.js";

/** The `decoder` of a tokenizer.json, or a part of it. */
export interface DecoderJson {
  type: string;
  [field: string]: unknown;
}

/** A chain of stages for one text. */
export interface Chain {
  push(token: string): string;
  flush(): string;
}

/**
 * Compiles a `decoder` of tokenizer.json (null: spaces between tokens).
 * @param cleanUp apply `clean_up_tokenization_spaces` to the text
 * @param decodeAll used, at the flush, for decoders that have no stage here
 * @returns makes a chain in its initial state
 */
export function compileDecoder(
  json: DecoderJson | null,
  cleanUp: boolean,
  decodeAll: (tokens: string[]) => string,
): () => Chain {
  const stages = (json ? stagesOf(json) : [spaced]) ?? [heldBack(decodeAll)];
  if (cleanUp) stages.push(...textCleanUps.map(([from, to]) => replaceInText(from, to)));
  return () => {
    let text = "";
    const sink: Stage = {
      push: (token) => {
        text += token;
      },
      flush: () => {},
    };
    const first = stages.reduceRight(link, sink);
    const take = () => {
      const taken = text;
      text = "";
      return taken;
    };
    return {
      push: (token) => {
        first.push(token);
        return take();
      },
      flush: () => {
        first.flush();
        return take();
      },
    };
  };
}

function link(next: Stage, make: MakeStage): Stage {
  const stage = make((token) => next.push(token));
  const flush = () => {
    stage.flush();
    next.flush();
  };
  return { push: stage.push, flush };
}

/** The stages of a decoder, or undefined if one of them is not known. */
function stagesOf(json: DecoderJson): MakeStage[] | undefined {
  const parts = flatten(json);
  const stages: MakeStage[] = [];
  let fused = false; // from here on all is one token
  for (const part of parts) {
    const stage = fused ? textStage(part) : tokenStage(part);
    if (!stage) return undefined;
    if (part.type !== "Fuse") stages.push(stage);
    fused ||= part.type === "Fuse" || part.type === "ByteLevel";
  }
  return stages;
}

function flatten(json: DecoderJson): DecoderJson[] {
  if (json.type !== "Sequence") return [json];
  return Array.isArray(json.decoders) ? json.decoders.flatMap((part) => flatten(part as DecoderJson)) : [];
}

function tokenStage(json: DecoderJson): MakeStage | undefined {
  switch (json.type) {
    case "ByteLevel":
      return byteLevel;
    case "ByteFallback":
      return byteFallback;
    case "Fuse":
      return each((token) => token);
    case "Metaspace":
      return metaspace(text(json.replacement, "▁"), json.prepend_scheme, json.add_prefix_space);
    case "WordPiece":
      return wordPiece(text(json.prefix, "##"), json.cleanup !== false);
    case "BPEDecoder":
      return endOfWord(text(json.suffix, "</w>"));
    case "Strip":
      return each((token) => stripToken(token, text(json.content, " "), count(json.start), count(json.stop)));
    case "Replace": {
      const from = literal(json.pattern);
      return from ? each((token) => token.replaceAll(from, () => text(json.content, ""))) : undefined;
    }
  }
  return undefined;
}

function textStage(json: DecoderJson): MakeStage | undefined {
  if (json.type === "Fuse") return each((token) => token);
  if (json.type === "Strip") return stripText(text(json.content, " "), count(json.start), count(json.stop));
  const from = json.type === "Replace" ? literal(json.pattern) : undefined;
  return from ? replaceInText(from, text(json.content, "")) : undefined;
}

const text = (value: unknown, fallback: string) => (typeof value === "string" ? value : fallback);
const count = (value: unknown) => (typeof value === "number" ? value : 0);
function literal(pattern: unknown): string | undefined {
  const value = (pattern as { String?: unknown } | null | undefined)?.String;
  return typeof value === "string" && value !== "" ? value : undefined;
}
