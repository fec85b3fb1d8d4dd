// What a post-processor puts around one text or two, and how much of texts that are too long it leaves.
import { DeadliftError } from "../error.js";
import { invalid, type PartJson } from "./parts.js";

/** Two texts as a model reads them: one sequence of ids, and for each the segment it belongs to. */
export interface EncodedPair {
  ids: Int32Array;
  types: Int32Array;
}

/** Ids that are always the same, or the place of a text. */
type Piece = ({ readonly ids: readonly number[] } | { readonly text: 0 | 1 }) & { readonly type: number };

/** The order of pieces, for one text and for two. */
interface Layout {
  readonly single: readonly Piece[];
  readonly pair: readonly Piece[];
}

/** How to put texts together. */
export interface Joining {
  /** Put special tokens around the texts. */
  special: boolean;
  /** Most ids, special ones included; undefined for no limit. */
  maxTokens: number | undefined;
  /** Take what is too much from the beginning of texts, not from their end. */
  fromLeft: boolean;
}

const bare: Layout = {
  single: [{ text: 0, type: 0 }],
  pair: [
    { text: 0, type: 0 },
    { text: 1, type: 1 },
  ],
};

/** Puts ids of texts together as a post-processor does. */
export class Surroundings {
  readonly #layout: Layout;

  /**
   * @param postProcessor of a tokenizer.json that the native library has accepted
   * @throws DeadliftError InvalidTokenizer
   */
  constructor(postProcessor: PartJson | null) {
    this.#layout = layoutOf(postProcessor) ?? bare;
  }

  /**
   * @param texts ids of one text or two
   * @throws DeadliftError InvalidArgument where maxTokens is less than the special tokens
   */
  join(texts: readonly Int32Array[], { special, maxTokens, fromLeft }: Joining): EncodedPair {
    const layout = texts.length === 1 ? this.#layout.single : this.#layout.pair;
    const pieces = special ? layout : layout.filter((piece) => "text" in piece);
    const kept = maxTokens === undefined ? texts : shorten(texts, maxTokens - countSpecial(pieces), fromLeft);
    const parts = pieces.map((piece) => ("ids" in piece ? piece.ids : kept[piece.text]!));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const joined = { ids: new Int32Array(length), types: new Int32Array(length) };
    let at = 0;
    for (const [i, part] of parts.entries()) {
      joined.ids.set(part, at);
      joined.types.fill(pieces[i]!.type, at, at + part.length);
      at += part.length;
    }
    return joined;
  }
}

const countSpecial = (pieces: readonly Piece[]) =>
  pieces.reduce((sum, piece) => sum + ("ids" in piece ? piece.ids.length : 0), 0);

/** Shortens the longest first, as Python's `truncation=True`: two texts that are both too long get half each. */
function shorten(texts: readonly Int32Array[], room: number, fromLeft: boolean): Int32Array[] {
  if (room < 0)
    throw new DeadliftError("InvalidArgument", `maxTokens leaves no room for ${-room} of the special tokens`);
  const [first, second] = texts.map((text) => text.length) as [number, number | undefined];
  const lengths = second === undefined ? [Math.min(first, room)] : shares(first, second, room);
  return texts.map((text, i) => (fromLeft ? text.subarray(text.length - lengths[i]!) : text.subarray(0, lengths[i]!)));
}

function shares(first: number, second: number, room: number): [first: number, second: number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second, Math.floor(room / 2));
  return first <= second ? [shorter, room - shorter] : [room - shorter, shorter];
}

/** The layout of a post-processor; undefined for one that adds nothing. */
function layoutOf(json: PartJson | null): Layout | undefined {
  switch (json?.type) {
    case "TemplateProcessing":
      return { single: templateOf(json, "single"), pair: templateOf(json, "pair") };
    case "BertProcessing":
      return around(idOf(json, "cls"), idOf(json, "sep"), [], 1);
    case "RobertaProcessing":
      return around(idOf(json, "cls"), idOf(json, "sep"), [idOf(json, "sep")], 0);
    case "Sequence": {
      const layouts = (json.processors as PartJson[]).map(layoutOf).filter((layout) => layout !== undefined);
      if (layouts.length > 1) throw invalid("more than one part of post_processor adds tokens");
      return layouts[0];
    }
  }
  return undefined;
}

/** `cls A sep` and `cls A sep (between) B sep`. */
function around(cls: number, sep: number, between: number[], type: number): Layout {
  const single: Piece[] = [
    { ids: [cls], type: 0 },
    { text: 0, type: 0 },
    { ids: [sep], type: 0 },
  ];
  return { single, pair: [...single, { ids: between, type }, { text: 1, type }, { ids: [sep], type }] };
}

/** The id of a `[token, id]`. */
const idOf = (json: PartJson, field: string) => (json[field] as [string, number])[1];

/** The pieces of a template. */
function templateOf(json: PartJson, field: string): Piece[] {
  type Item = { SpecialToken: { id: string; type_id: number } } | { Sequence: { id: "A" | "B"; type_id: number } };
  const defined = json.special_tokens as Readonly<Record<string, { ids: number[] }>>;
  return (json[field] as Item[]).map((item) =>
    "SpecialToken" in item
      ? { ids: defined[item.SpecialToken.id]!.ids, type: item.SpecialToken.type_id }
      : { text: item.Sequence.id === "B" ? 1 : 0, type: item.Sequence.type_id },
  );
}
