// The quant that a GGUF file's name states, in one spelling, whichever way its publisher writes names.

/** Quantised types with their sizes, as llama.cpp, its forks and publishers of files name them; "~" is "_" or "-". */
const quantised = [
  "IQ[1-9]~(?:XXS|XS|XL|NL|KSS|KS|KT|KL|K|S|M|L)(?:~(?:4~4|4~8|8~8|R[48]))?",
  "Q[1-9]~K(?:~(?:XXS|XS|XXL|XL|S|M|L|P|R[48]))?",
  "Q[1-9]~[01](?:~(?:4~4|4~8|8~8|XL|L|R[48]))?",
  "TQ[12]~0",
  "I[28]~S",
  "MXFP4(?:~MOE)?",
  "NVFP4",
];
const floats = ["BF16", "FP?16", "FP?32", "F64"];
/** Some publishers shorten: "-q4.gguf". Too short to be trusted in the middle of a name. */
const short = /(?<![A-Za-z0-9])Q[1-8]$/i;

const quantisedLabels = finder(quantised);
const floatLabels = finder(floats);

/** Within one label the separators are all the same. */
function finder(labels: readonly string[]): RegExp {
  const either = ["_", "-"].flatMap((separator) => labels.map((label) => label.replaceAll("~", separator)));
  return new RegExp(`(?<![A-Za-z0-9])(?:UD[-_])?(?:${either.join("|")})(?![A-Za-z0-9])`, "gi");
}

/**
 * "Q4_K_M", "UD-Q4_K_XL", "F16", ... of a GGUF file, by its name or else by the folder that holds it; undefined when
 * neither states one. Where a name states several ("model-bf16-Q4_K_M"), the quantised one counts, and the last of those.
 */
export function quantLabel(path: string): string | undefined {
  const segments = path
    .replace(/\.gguf$/i, "")
    .replace(/-\d{5}-of-\d{5}$/, "")
    .split("/");
  for (const segment of segments.reverse()) {
    const label =
      segment.match(quantisedLabels)?.at(-1) ?? segment.match(short)?.[0] ?? segment.match(floatLabels)?.at(-1);
    if (label !== undefined) return spell(label);
  }
  return undefined;
}

/** Whether a file of this label is what a user means by `wanted`: 2 exactly, 1 but for a publisher's own addition, 0 not. */
export function labelMatch(label: string | undefined, wanted: string): 0 | 1 | 2 {
  if (label === undefined) return 0;
  const asked = spell(wanted);
  if (label === asked) return 2;
  return plain(label) === plain(asked) && !asked.startsWith("UD-") ? 1 : 0;
}

/** Upper case, "_" within, "FP16" as "F16"; the prefix of unsloth's dynamic quants stays. */
function spell(label: string): string {
  const [, dynamic = "", rest = ""] = /^(UD[-_])?(?:I1[-_])?(.*)$/s.exec(label.toUpperCase().trim())!;
  return `${dynamic && "UD-"}${rest.replaceAll("-", "_").replace(/^FP(?=16$|32$)/, "F")}`;
}

function plain(label: string): string {
  return label.replace(/^UD-/, "").replace(/^MXFP4_MOE$/, "MXFP4");
}
