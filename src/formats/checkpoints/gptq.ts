// GPTQ and AWQ: integers in 32-bit words, a scale and a zero point for each group of columns of each row.

import { DeadliftError, expected } from "../../error.js";
import type { CodePlane, PackedWeight, Part } from "../../packed.js";
import type { Method } from "./method.js";
import type { Module } from "./module.js";
import { columnGroups, groupSize, integerType, isMiddle, packed, type Shape, scalePlane, scaleTypes } from "./pack.js";

/**
 * qweight (columns * bits / 32, rows), qzeros (groups, rows * bits / 32), scales (groups, rows), g_idx (columns). The
 * format of version 1 stores zero points less one.
 */
export function gptq<T extends Part>(module: Module<T>, shape: Shape, { config, source }: Method): PackedWeight<T> {
  const format = config.checkpoint_format ?? "gptq";
  if ((format !== "gptq" && format !== "gptq_v2") || config.is_marlin_format === true) {
    const stated = config.is_marlin_format === true ? "marlin" : format;
    throw new DeadliftError(
      "UnsupportedQuant",
      `${expected('"gptq" or "gptq_v2"', `checkpoint_format of the quantisation in ${source}`, stated)}; ` +
        "take the model's GPTQ files in their common format, or its GGUF files",
    );
  }
  const { rows, columns } = shape;
  const qweight = module.get("qweight", ["I32"]);
  const scales = module.get("scales", scaleTypes);
  const qzeros = module.get("qzeros", ["I32"]);
  const order = module.find("g_idx", ["I32"]);
  const bits = [4, 8, 3, 2].find((each) => (columns * each) / 32 === qweight.shape[0]) ?? 4;
  const count = scales.shape[0] ?? 0;
  module.check(qweight, [(columns * bits) / 32, rows]);
  module.check(scales, [Math.max(1, count), rows]);
  module.check(qzeros, [count, Math.ceil((rows * bits) / 32)]);
  if (order) module.check(order, [columns]);
  const group = groupSize(columns, count, config.group_size, scales);
  const zeroAdd = format === "gptq" ? 1 : 0;
  const zeros = { part: qzeros, packing: "words down", bits, step: 1, apart: qzeros.shape[1]! } as const;
  return packed(module, shape, integerType(bits, isMiddle(zeros, zeroAdd, config.sym === true), scales.quant), {
    codes: { part: qweight, packing: "words along", bits, step: rows, apart: 1 },
    levels: undefined,
    scales: scalePlane(scales, { rowStep: 1, groupStep: rows }),
    zeros,
    zero: 0,
    zeroAdd,
    group,
    groups: columnGroups(order, { columns, group, count }, config.desc_act === true),
  });
}

/** qweight (columns, rows / 8), qzeros (groups, rows / 8), scales (groups, rows): the format "gemm" of four bits. */
export function awq<T extends Part>(module: Module<T>, shape: Shape, { config, source }: Method): PackedWeight<T> {
  const version = String(config.version ?? "gemm").toLowerCase();
  const bits = config.bits ?? config.w_bit ?? 4;
  if (version !== "gemm" || bits !== 4) {
    throw new DeadliftError(
      "UnsupportedQuant",
      `${expected('"gemm" with 4 bits', `version of the AWQ quantisation in ${source}`, `${version}, ${bits} bits`)}; ` +
        "take the model's GEMM files, or its GGUF files",
    );
  }
  const { rows, columns } = shape;
  const qweight = module.get("qweight", ["I32"]);
  const scales = module.get("scales", scaleTypes);
  const qzeros = module.get("qzeros", ["I32"]);
  const count = scales.shape[0] ?? 0;
  const words = Math.ceil(rows / 8);
  module.check(qweight, [columns, words]);
  module.check(scales, [Math.max(1, count), rows]);
  module.check(qzeros, [count, words]);
  const plane = (part: T): CodePlane<T> => ({ part, packing: "awq down", bits: 4, step: 1, apart: words });
  const zeros = plane(qzeros);
  return packed(module, shape, integerType(4, isMiddle(zeros, 0, config.zero_point === false), scales.quant), {
    codes: plane(qweight),
    levels: undefined,
    scales: scalePlane(scales, { rowStep: 1, groupStep: rows }),
    zeros,
    zero: 0,
    zeroAdd: 0,
    group: groupSize(columns, count, config.group_size ?? config.q_group_size, scales),
    groups: undefined,
  });
}
