// gpt-oss's experts: all of a layer in one tensor, with the rows of gate and up in turns; MXFP4, or plain and transposed.

import type { MadeWeight, Part } from "../../packed.js";
import { placeInLayer } from "../names.js";
import { mxfp4Blocks } from "./floats.js";
import { addPart, type Module, plainTypes } from "./module.js";

const partName = /^(mlp\.experts)\.((?:gate_up_proj|down_proj)(?:_bias|_blocks|_scales)?)$/;

/** The tensors of each layer's experts. */
export function gptOssModules<T extends Part>(tensors: Iterable<T>): Map<string, Module<T>> {
  const modules = new Map<string, Module<T>>();
  for (const tensor of tensors) {
    const place = placeInLayer("safetensors", tensor.name);
    const part = place && partName.exec(place.name)?.[2];
    if (!part) continue;
    addPart(modules, `layers.${place.layer}.ffn.experts`, {
      stem: tensor.name.slice(0, -part.length - 1),
      part,
      tensor,
    });
  }
  return modules;
}

/** Which rows of a stored matrix, or values of a bias, are an expert's: `first`, and every so many after it. */
interface Rows {
  readonly stored: "gate_up_proj" | "down_proj";
  readonly first: number;
  readonly every: number;
}

const rowsOf: Readonly<Record<string, Rows>> = {
  gate: { stored: "gate_up_proj", first: 0, every: 2 },
  up: { stored: "gate_up_proj", first: 1, every: 2 },
  down: { stored: "down_proj", first: 0, every: 1 },
};

/**
 * The weight of a program that experts' tensors make; undefined for other weights. Throws MissingTensor, WrongShape,
 * UnsupportedQuant.
 */
export function gptOssExperts<T extends Part>(
  modules: ReadonlyMap<string, Module<T>>,
  name: string,
  shape: readonly number[],
): T | MadeWeight<T> | undefined {
  const [, stem = "", matrix = "", bias] = /^(.+\.experts)\.(gate|up|down)(\.bias)?$/.exec(name) ?? [];
  const module = modules.get(stem);
  if (!module) return undefined;
  const rows = rowsOf[matrix]!;
  if (bias && rows.every === 1) return biasesOf(module, rows, shape);
  const made = bias
    ? reorderedBiases(module, rows, shape)
    : module.has(`${rows.stored}_blocks`)
      ? packedMatrices(module, rows, shape)
      : plainMatrices(module, rows, shape);
  return { ...made, name: `${module.name}.${matrix}_proj${bias ?? ".weight"}`, shape };
}

/** Blocks (experts, rows, columns / 32, 16) and scales (experts, rows, columns / 32). */
function packedMatrices<T extends Part>(
  module: Module<T>,
  { stored, first, every }: Rows,
  [experts, rows, columns]: readonly number[],
): MadeWeight<T> {
  const blocks = module.get(`${stored}_blocks`, ["U8"]);
  const scales = module.get(`${stored}_scales`, ["U8", "F8_E8M0"]);
  const groups = columns! / 32;
  module.check(blocks, [experts!, rows! * every, groups, 16]);
  module.check(scales, [experts!, rows! * every, groups]);
  return mxfp4Blocks(module, { rows: experts! * rows!, columns: columns! }, { blocks, scales, first, every });
}

/** (experts, columns, rows), as transformers multiplies. */
function plainMatrices<T extends Part>(
  module: Module<T>,
  { stored, first, every }: Rows,
  [experts, rows, columns]: readonly number[],
): MadeWeight<T> {
  const part = module.get(stored, plainTypes);
  const width = rows! * every;
  module.check(part, [experts!, columns!, width]);
  return reordered(part, first, every, { stackStep: columns! * width, rowStep: every, columnStep: width });
}

/** (experts, rows). */
function biasesOf<T extends Part>(module: Module<T>, { stored, every }: Rows, [experts, rows]: readonly number[]): T {
  const part = module.get(`${stored}_bias`, plainTypes);
  module.check(part, [experts!, rows! * every]);
  return part;
}

function reorderedBiases<T extends Part>(module: Module<T>, rows: Rows, shape: readonly number[]): MadeWeight<T> {
  const { first, every } = rows;
  return reordered(biasesOf(module, rows, shape), first, every, {
    stackStep: 0,
    rowStep: shape[1]! * every,
    columnStep: every,
  });
}

function reordered<T extends Part>(
  part: T,
  first: number,
  every: number,
  steps: { stackStep: number; rowStep: number; columnStep: number },
): MadeWeight<T> {
  const { name, quant, shape } = part;
  const byteLength = part.byteLength / every;
  return { name, quant, shape, offset: 0, byteLength, part, first, ...steps, packedBytes: byteLength };
}
