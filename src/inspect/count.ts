// Counts parameters: values of tensors, and where several are packed into one, as many as the configuration says.

import type { Headers } from "../formats/headers.js";
import type { TensorInfo } from "../formats/sizes.js";

type Fields = Readonly<Record<string, unknown>>;

/** How a packed checkpoint is to be counted. */
interface Packing {
  /** The names of tensors whose elements hold several values. */
  readonly packed: RegExp;
  readonly bits: number;
}

/** What a quantised checkpoint stores beside its weights: scales, zero points, orders, tables. */
const beside =
  /[._](?:scales?|scale_inv|scale_2|biases|qzeros|zeros|zero_point|g_idx|weight_shape|absmax|quant_map|SCB|weight_format|quant_state\.[\w.]+)$/;
/** Bits of the integers that values are packed into. */
const elementBits: Readonly<Record<string, number>> = { I32: 32, U32: 32, I8: 8, U8: 8 };

/**
 * Parameters per stored type. Blocks of GGUF are counted as the values they hold. For packed safetensors this knows
 * GPTQ, AWQ, compressed-tensors, ModelOpt, bitsandbytes, MXFP4 and MLX; others count their stored elements.
 */
export function countParameters({
  tensors,
  unused,
  json,
}: Pick<Headers<TensorInfo>, "unused" | "json"> & {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}): Record<string, number> {
  // A tied tensor counts once.
  const all = new Set([...tensors.values(), ...unused]);
  const quantisation = object(json?.quantization_config) ?? object(json?.quantization);
  const names = new Set([...all].map(({ name }) => name));
  const packing = quantisation && packingOf(quantisation);
  const counts = new Map<string, number>();
  for (const { name, quant, shape } of all) {
    if (quantisation && beside.test(name)) continue;
    const values = shape.reduce((product, size) => product * size, 1);
    const factor = packing && isPacked(name, packing, names) ? (elementBits[quant] ?? packing.bits) / packing.bits : 1;
    counts.set(quant, (counts.get(quant) ?? 0) + Math.round(values * factor));
  }
  return Object.fromEntries(counts);
}

/** undefined: one element is one value, as in FP8 and INT8, or the method is not known. */
function packingOf(quantisation: Fields): Packing | undefined {
  const method = quantisation.quant_method;
  const groups = object(quantisation.config_groups);
  const first = groups && object(Object.values(groups)[0]);
  if (method === "mxfp4") return { packed: /_blocks$/, bits: 4 };
  if (quantisation.quant_algo === "NVFP4" || (method === "bitsandbytes" && quantisation.load_in_4bit === true)) {
    return { packed: /\.weight$/, bits: 4 };
  }
  if (method === "bitsandbytes") return undefined;
  const bits = [quantisation.bits, object(first?.weights)?.num_bits].find(isBits);
  // MLX names no method and packs under the names of plain weights.
  const packed = method === undefined ? /\.weight$/ : /\.(?:qweight|weight_packed)$/;
  return bits === undefined ? undefined : { packed, bits };
}

/** Its scales lie beside it; a plain tensor of integers has none. */
function isPacked(name: string, { packed }: Packing, names: ReadonlySet<string>): boolean {
  if (!packed.test(name)) return false;
  const stem = name.replace(/\.(?:qweight|weight_packed|weight)$|_blocks$/, "");
  return [".scales", ".weight_scale", "_scales", ".weight.absmax"].some((sign) => names.has(stem + sign));
}

function isBits(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 16;
}

function object(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
