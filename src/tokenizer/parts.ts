// The normalizer, pre-tokenizer and post-processor of a tokenizer.json, checked for all that would make the native
// library panic: its panics end the process. A regular expression that backtracks without end still can.
import { DeadliftError, expected } from "../error.js";
import { checkCharsmap } from "./charsmap.js";

export interface PartJson {
  type: string;
  [field: string]: unknown;
}

export const invalid = (message: string, cause?: unknown) =>
  new DeadliftError("InvalidTokenizer", message, cause === undefined ? undefined : { cause });

/** A plain object, not an array and not null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Check = (part: PartJson, name: string) => void;
/** What to check of each type that is known. */
type Checks = Readonly<Record<string, Check>>;

export function checkPart(part: unknown, name: string, checks: Checks | undefined): PartJson | null {
  if (part === undefined || part === null) return null;
  if (!isRecord(part) || typeof part.type !== "string") throw invalid(expected("an object with a type", name, part));
  const check = checks?.[part.type];
  if (checks && !Object.hasOwn(checks, part.type)) {
    throw invalid(`${name} has the unknown type "${part.type}"; known: ${Object.keys(checks).join(", ")}`);
  }
  check?.(part as PartJson, name);
  return part as PartJson;
}

const fine: Check = () => {};
const sequence =
  (field: string, checks: () => Checks): Check =>
  (part, name) => {
    const parts = part[field];
    if (!Array.isArray(parts)) throw invalid(expected("an array", `${name}.${field}`, parts));
    for (const [i, one] of parts.entries()) {
      if (checkPart(one, `${name}.${field}[${i}]`, checks()) === null) throw invalid(`${name}.${field}[${i}] is null`);
    }
  };

export const normalizers: Checks = {
  BertNormalizer: fine,
  ByteLevel: fine,
  Lowercase: fine,
  NFC: fine,
  NFD: fine,
  NFKC: fine,
  NFKD: fine,
  Nmt: fine,
  Precompiled: (part, name) => checkCharsmap(part.precompiled_charsmap, name),
  Prepend: (part, name) => checkText(part.prepend, `${name}.prepend`),
  Replace: (part, name) => checkPattern(part.pattern, `${name}.pattern`),
  Sequence: sequence("normalizers", () => normalizers),
  Strip: fine,
  StripAccents: fine,
};

export const preTokenizers: Checks = {
  BertPreTokenizer: fine,
  ByteLevel: fine,
  CharDelimiterSplit: fine,
  Digits: fine,
  FixedLength: (part, name) => {
    if (typeof part.length !== "number" || part.length < 1)
      throw invalid(expected("1 or more", `${name}.length`, part.length));
  },
  Metaspace: fine,
  Punctuation: fine,
  Sequence: sequence("pretokenizers", () => preTokenizers),
  Split: fine,
  UnicodeScripts: fine,
  Whitespace: fine,
  WhitespaceSplit: fine,
};

export const postProcessors: Checks = {
  BertProcessing: fine,
  ByteLevel: fine,
  RobertaProcessing: fine,
  Sequence: sequence("processors", () => postProcessors),
  TemplateProcessing: checkTemplate,
};

/** The library loses count of characters after it has put something where nothing was. */
function checkText(text: unknown, name: string): void {
  if (typeof text !== "string" || text === "") throw invalid(expected("a string that is not empty", name, text));
}

function checkPattern(pattern: unknown, name: string): void {
  const { String: literal, Regex: regex } = isRecord(pattern) ? pattern : ({} as Record<string, unknown>);
  checkText(literal ?? regex, name);
  if (typeof regex === "string" && matchesNothing(regex)) throw invalid(`${name} matches the empty text: "${regex}"`);
}

/** Whether an expression can match without taking a character, as far as JavaScript can read it. */
function matchesNothing(regex: string): boolean {
  try {
    return ["", "a", " 1\n."].some((text) =>
      text.replace(new RegExp(regex, "gu"), (found) => (found === "" ? "!" : "")).includes("!"),
    );
  } catch {
    return false;
  }
}

/** What a template names must be there, of texts the first only: the library looks it up without asking. */
function checkTemplate(part: PartJson, name: string): void {
  const defined = isRecord(part.special_tokens) ? part.special_tokens : {};
  for (const field of ["single", "pair"]) {
    const items = part[field] ?? [];
    if (!Array.isArray(items)) throw invalid(expected("an array", `${name}.${field}`, items));
    for (const item of items) {
      const text = isRecord(item) && isRecord(item.Sequence) ? item.Sequence.id : undefined;
      if (text !== undefined && text !== "A" && field === "single") throw invalid(`${name}.single names text ${text}`);
      const id = isRecord(item) && isRecord(item.SpecialToken) ? item.SpecialToken.id : undefined;
      if (id === undefined) continue;
      if (typeof id !== "string" || !Object.hasOwn(defined, id)) throw invalid(`${name}.special_tokens lacks "${id}"`);
    }
  }
  for (const [token, entry] of Object.entries(defined)) {
    const { id, ids, tokens } = isRecord(entry) ? entry : ({} as Record<string, unknown>);
    const equal = Array.isArray(ids) && Array.isArray(tokens) && ids.length === tokens.length && id === token;
    if (!equal)
      throw invalid(expected("its id, and as many ids as tokens", `${name}.special_tokens["${token}"]`, entry));
  }
}
