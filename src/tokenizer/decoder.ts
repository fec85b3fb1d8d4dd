// Token spellings back to text, one token at a time: the decoders of tokenizer.json as a chain of small machines.
import { expected } from "../error.js";
import { checkPart, invalid, type PartJson } from "./parts.js";
import {
  byteFallback,
  byteLevel,
  each,
  endOfWord,
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

/** A chain of stages for one text. */
export interface Chain {
  push(token: string): string;
  flush(): string;
}

/**
 * Compiles a `decoder` of tokenizer.json (null: spaces between tokens).
 * @param cleanUp apply `clean_up_tokenization_spaces` to the text
 * @throws DeadliftError InvalidTokenizer for a decoder that is not known
 * @returns makes a chain in its initial state
 */
export function compileDecoder(json: PartJson | null, cleanUp: boolean): () => Chain {
  const stages = json ? stagesOf(json) : [spaced];
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

function stagesOf(json: PartJson): MakeStage[] {
  const parts = flatten(json);
  const stages: MakeStage[] = [];
  let fused = false; // from here on all is one token
  for (const part of parts) {
    const stage = fused ? textStage(part) : tokenStage(part);
    if (!stage)
      throw invalid(`the decoder "${part.type}" is not known${fused ? " after a decoder of whole texts" : ""}`);
    if (part.type !== "Fuse") stages.push(stage);
    fused ||= part.type === "Fuse" || part.type === "ByteLevel";
  }
  return stages;
}

/** The decoders of nested sequences in order. */
function flatten(json: unknown): PartJson[] {
  const part = checkPart(json, "decoder", undefined);
  if (part?.type !== "Sequence") return part ? [part] : [];
  if (!Array.isArray(part.decoders)) throw invalid(expected("an array", "decoder.decoders", part.decoders));
  return part.decoders.flatMap(flatten);
}

function tokenStage(json: PartJson): MakeStage | undefined {
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

function textStage(json: PartJson): MakeStage | undefined {
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
