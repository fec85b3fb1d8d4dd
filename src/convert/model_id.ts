// What the name of a model says: "Llama-3.2-1B-Instruct" is a family, a version, a size and a purpose.

export interface ModelId {
  /** The name itself, without its organisation. */
  readonly name: string;
  readonly organization: string | undefined;
  readonly basename: string | undefined;
  readonly finetune: string | undefined;
  readonly version: string | undefined;
  readonly sizeLabel: string | undefined;
}

type Kind = "basename" | "size" | "finetune" | "version" | "type";

interface Part {
  text: string;
  kinds: Set<Kind>;
}

/**
 * Reads "org/name" or "name" by the naming of GGUF files (docs/gguf.md of ggml-org/ggml). `parameters`: of the model,
 * since a number that is far from it is no size.
 */
export function readModelId(id: string, parameters: number): ModelId {
  if (id.includes(" ")) return { ...nothing, name: id };
  const slash = id.indexOf("/");
  const name = id.slice(slash + 1);
  const organization = slash > 0 && !id.startsWith(".") ? id.slice(0, slash) : undefined;
  const parts = name
    .split("-")
    .filter((text) => text !== "")
    .map((text, i) => readPart(text, i > 0, parameters));
  dropWordySizes(parts);
  nameBase(parts);
  const joined = (kind: Kind, except?: Kind) =>
    parts
      .filter(({ kinds }) => kinds.has(kind) && !(except && kinds.has(except)))
      .map(({ text }) => text)
      .filter((text, i, all) => kind !== "size" || all.indexOf(text) === i)
      .join("-") || undefined;
  const [sizeLabel, finetune, version] = [joined("size"), joined("finetune"), joined("version", "basename")];
  const says = sizeLabel !== undefined || finetune !== undefined || version !== undefined;
  return { name, organization, basename: says ? joined("basename") : undefined, finetune, version, sizeLabel };
}

const nothing = {
  organization: undefined,
  basename: undefined,
  finetune: undefined,
  version: undefined,
  sizeLabel: undefined,
};

function readPart(text: string, later: boolean, parameters: number): Part {
  if (/^(v|iter)?\d+(\.\d+)*$/i.test(text)) return { text, kinds: new Set(["version"]) };
  if (/^(i?q\d(_\w)*|b?fp?(16|32))$/i.test(text)) return { text: text.toUpperCase(), kinds: new Set(["type"]) };
  if (later && /^((a|\d+x)?\d+([._]\d+)?[kmbt]\d?|small|mini|medium|large|x?xl)$/i.test(text)) {
    return readSize(text.replaceAll("_", "."), parameters);
  }
  const purpose = later && /^(chat|instruct|vision|lora)$/i.test(text);
  return { text, kinds: new Set(purpose ? ["finetune"] : []) };
}

/** "7b1" is 7.1B. A number like the length of a context is none. */
function readSize(label: string, parameters: number): Part {
  let text = label.replace(/^(.*)(\D)(\d)$/, "$1.$3$2");
  if (/\d[kmbt]$/.test(text)) text = text.slice(0, -1) + text.slice(-1).toUpperCase();
  const count = Number(text.slice(0, -1)) * 1000 ** " KMBT".indexOf(text.slice(-1));
  const far =
    Number.isFinite(count) && parameters > 0 && Math.abs(count - parameters) > Math.floor((7 * parameters) / 8);
  if (!far) return { text, kinds: new Set(["size"]) };
  return { text: text.slice(0, -1) + text.slice(-1).toLowerCase(), kinds: new Set(["finetune"]) };
}

/** Where a number says the size, a word like "mini" is part of the name. */
function dropWordySizes(parts: readonly Part[]): void {
  const sizes = parts.filter(({ kinds }) => kinds.has("size"));
  if (!sizes.some(({ text }) => /\d/.test(text))) return;
  for (const { text, kinds } of sizes) if (/^\p{L}+$/u.test(text)) kinds.delete("size");
}

/** The family is what the name begins with; what is left over is a purpose. */
function nameBase(parts: readonly Part[]): void {
  let atStart = true;
  for (const { text, kinds } of parts) {
    atStart &&= kinds.has("version") || (kinds.size === 0 && /^\p{L}/u.test(text));
    if (atStart) kinds.add("basename");
    else if (kinds.size === 0) kinds.add("finetune");
  }
  for (const { kinds } of parts.toReversed()) {
    if (!kinds.has("basename") || kinds.size === 1) break;
    kinds.delete("basename");
  }
}

/** "tiny-model v2" as a title: "Tiny Model v2". */
export function titleOf(name: string): string {
  const isPlain = (word: string) =>
    word === word.toLowerCase() && /\p{Ll}/u.test(word) && !/^(v\d+(\.\d+)*|\d.*)$/.test(word);
  const title = (word: string) => word.replace(/\p{L}+/gu, (letters) => letters[0]!.toUpperCase() + letters.slice(1));
  return name
    .replaceAll("-", " ")
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => (isPlain(word) ? title(word) : word))
    .join(" ");
}

/** 3670000 as "3.7M": two digits at least. */
export function sizeLabelOf(parameters: number): string {
  const [scale, unit] =
    parameters > 1e12
      ? [1e12, "T"]
      : parameters > 1e9
        ? [1e9, "B"]
        : parameters > 1e6
          ? [1e6, "M"]
          : ([1e3, "K"] as const);
  const scaled = parameters / scale;
  const digits = Math.round(scaled) === 0 ? 0 : String(Math.round(scaled)).length;
  return `${scaled.toFixed(Math.max(0, 2 - digits))}${unit}`;
}
