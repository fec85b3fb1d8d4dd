// Quantised checkpoints whose parts do not fit together, or whose method nobody here knows: named errors, nothing taken.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { compile } from "../src/compile.js";
import { openModel } from "../src/formats/open.js";
import { inspectModel } from "../src/index.js";
import { native } from "../src/native.js";
import { tempFolder } from "./reference/temp.js";
import { safetensorsFile } from "./reference/write_safetensors.js";

const fixtures = resolve(import.meta.dirname, "fixtures/checkpoints");

afterEach(() => expect(native().filesMapped()).toBe(0));

type Entry = { dtype: string; shape: number[]; data_offsets: [number, number] };
type Header = Record<string, Entry>;
type Json = Record<string, unknown>;

interface Changes {
  readonly config?: (config: Json, quantisation: Json) => void;
  /** Changes the data where it is, or gives other data. */
  readonly header?: (header: Header, data: Buffer) => unknown;
}

/** A copy of a fixture, changed. */
function changed(name: string, { config, header }: Changes): string {
  const bytes = readFileSync(join(fixtures, name, "model.safetensors"));
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__: _, ...entries } = JSON.parse(bytes.toString("utf8", 8, 8 + length));
  const stored = Buffer.from(bytes.subarray(8 + length));
  const given = header?.(entries, stored);
  const data = Buffer.isBuffer(given) ? given : stored;
  const json = JSON.parse(readFileSync(join(fixtures, name, "config.json"), "utf8"));
  config?.(json, json.quantization_config);
  return tempFolder({ "config.json": json, "model.safetensors": safetensorsFile(entries, data) });
}

async function refused(path: string, code: string, message: RegExp): Promise<void> {
  const opened = await openModel(path);
  try {
    const error = expect.objectContaining({ code, message: expect.stringMatching(message) });
    await expect(compile(opened, { threads: 1 })).rejects.toThrow(error);
    expect(native().filesMapped()).toBe(1);
  } finally {
    opened.close();
  }
}

const up = "model.layers.0.mlp.up_proj";
const nf4State = "weight.quant_state.bitsandbytes__nf4";
const rename = (part: string) => ({
  header: (header: Header) => {
    header.elsewhere = header[`${up}.${part}`]!;
    delete header[`${up}.${part}`];
  },
});
const reshape = (part: string, ...shape: number[]) => ({
  header: (header: Header) => {
    header[`${up}.${part}`]!.shape = shape;
  },
});
const retype = (part: string, dtype: string, ...shape: number[]) => ({
  header: (header: Header) => {
    Object.assign(header[`${up}.${part}`]!, { dtype, shape });
  },
});
/** A part of another size, all zeros. */
const replace = (part: string, dtype: string, ...shape: number[]) => ({
  header: (header: Header, data: Buffer) => {
    const bytes = shape.reduce((a, b) => a * b, { I32: 4, F32: 4, F16: 2, BF16: 2 }[dtype] ?? 1);
    header.elsewhere = header[`${up}.${part}`]!;
    header[`${up}.${part}`] = { dtype, shape, data_offsets: [data.length, data.length + bytes] };
    return Buffer.concat([data, Buffer.alloc(bytes)]);
  },
});
const config = (key: string, value: unknown) => ({
  config: (_: Json, quantisation: Json) => {
    quantisation[key] = value;
  },
});

describe("parts that do not fit", () => {
  it.each<[string, string, Changes, string, RegExp]>([
    ["gptq-4-asym", "no zero points", rename("qzeros"), "MissingTensor", /up_proj\.qzeros.*found none/],
    ["gptq-4-asym", "no scales", rename("scales"), "MissingTensor", /up_proj\.scales/],
    ["gptq-4-asym", "codes of another shape", reshape("qweight", 192, 8), "WrongShape", /\[8, 192\].*\[192, 8\]/],
    ["gptq-4-asym", "codes in one dimension", reshape("qweight", 1536), "WrongShape", /qweight/],
    ["gptq-4-asym", "scales of another shape", reshape("scales", 192, 1), "WrongShape", /scales/],
    ["gptq-4-asym", "no dimension of scales", reshape("scales", 1, 1, 192), "WrongShape", /scales/],
    ["gptq-4-asym", "zero points of another shape", reshape("qzeros", 24, 1), "WrongShape", /qzeros/],
    ["gptq-4-asym", "scales of integers", retype("scales", "I16", 1, 192), "UnsupportedQuant", /F32 or F16.*I16/],
    ["gptq-4-asym", "codes of another type", retype("qweight", "F32", 8, 192), "UnsupportedQuant", /I32.*F32/],
    ["gptq-4-desc", "an order of too few columns", retype("g_idx", "I64", 32), "UnsupportedQuant", /g_idx/],
    [
      "gptq-4",
      "three groups of 64 columns",
      replace("scales", "F16", 3, 192),
      "WrongShape",
      /groups that share 64 columns|qzeros/,
    ],
    ["gptq-4", "no group at all", replace("scales", "F16", 0, 192), "WrongShape", /scales.*received \[0, 192\]/],
    ["gptq-4", "more groups than columns", replace("scales", "F16", 65, 192), "WrongShape", /qzeros/],
    ["gptq-4", "a word less", replace("qweight", "I32", 7, 192), "WrongShape", /\[8, 192\].*qweight.*\[7, 192\]/],
    ["gptq-4", "codes of 32 bits", replace("qweight", "I32", 64, 192), "WrongShape", /qweight/],
    ["gptq-4-desc", "an order of more columns", replace("g_idx", "I32", 65), "WrongShape", /\[64\].*g_idx.*\[65\]/],
    ["awq", "three groups of 64 columns", replace("scales", "F16", 3, 192), "WrongShape", /qzeros|groups/],
    ["awq", "codes of GPTQ's shape", reshape("qweight", 24, 64), "WrongShape", /\[64, 24\]/],
    ["awq", "no zero points", rename("qzeros"), "MissingTensor", /qzeros/],
    ["ct-int4", "codes of half a word", reshape("weight_packed", 96, 16), "WrongShape", /weight_packed/],
    [
      "ct-int4",
      "three groups of 64 columns",
      replace("weight_scale", "BF16", 192, 3),
      "WrongShape",
      /share 64 columns/,
    ],
    ["ct-int4", "no group at all", replace("weight_scale", "BF16", 192, 0), "WrongShape", /weight_scale/],
    ["ct-int4", "codes of 32 bits", replace("weight_packed", "I32", 192, 64), "WrongShape", /of four bits/],
    ["ct-int4-actorder", "an order of too few", replace("weight_g_idx", "I32", 63), "WrongShape", /\[64\].*\[63\]/],
    ["ct-mxfp4", "half of its scales", replace("weight_scale", "U8", 192, 1), "WrongShape", /\[192, 2\].*\[192, 1\]/],
    ["ct-mxfp4", "scales of floats", replace("weight_scale", "F16", 192, 2), "UnsupportedQuant", /U8 or F8_E8M0.*F16/],
    [
      "ct-mxfp4",
      "half of its codes",
      replace("weight_packed", "U8", 192, 16),
      "WrongShape",
      /\[192, 32\].*\[192, 16\]/,
    ],
    ["ct-int4", "no scales", rename("weight_scale"), "MissingTensor", /weight_scale/],
    ["ct-int4-asym", "zero points of another shape", reshape("weight_zero_point", 1, 24), "WrongShape", /zero_point/],
    ["ct-w8", "scales of another shape", reshape("weight_scale", 96, 2), "WrongShape", /weight_scale/],
    ["ct-fp8-channel", "no scales", rename("weight_scale"), "MissingTensor", /weight_scale/],
    ["ct-fp8-channel", "scales of another shape", reshape("weight_scale", 2, 96), "WrongShape", /\[192, 1\]/],
    ["ct-fp8-channel", "another kind of F8", retype("weight", "F8_E5M2", 192, 64), "UnsupportedQuant", /F8_E5M2/],
    ["ct-fp8-channel", "no scale at all", replace("weight_scale", "F32", 192, 0), "WrongShape", /\[192, 1\]/],
    ["ct-fp8-channel", "scales of integers", replace("weight_scale", "I32", 192, 1), "UnsupportedQuant", /F32.*I32/],
    ["fp8-blocks", "scales of smaller blocks", config("weight_block_size", [64, 64]), "WrongShape", /\[4, 2\]/],
    ["fp8-blocks", "scales of other blocks", reshape("weight_scale_inv", 1, 2), "WrongShape", /\[2, 1\]/],
    ["nf4", "no scales", rename("weight.absmax"), "MissingTensor", /absmax/],
    ["nf4", "no table of scales", rename("weight.nested_quant_map"), "MissingTensor", /nested_quant_map/],
    ["nf4", "half of its codes", replace("weight", "U8", 3072, 1), "WrongShape", /with 6144 bytes.*\[3072, 1\]/],
    ["nf4", "a table of 255", replace("weight.nested_quant_map", "F32", 255), "WrongShape", /\[256\].*\[255\]/],
    ["nf4", "two scales of scales", replace("weight.nested_absmax", "F32", 2), "WrongShape", /\[1\].*\[2\]/],
    ["nf4", "too few scales", reshape("weight.absmax", 2, 96), "WrongShape", /\[192\].*\[2, 96\]/],
    ["int8", "scales of another shape", reshape("SCB", 2, 96), "WrongShape", /SCB/],
  ])("%s: %s", async (name, _, changes, code, message) => {
    const path = changed(name, changes);
    await refused(path, code, message);
    expect(await inspectModel(path)).toMatchObject({ supported: false, problem: expect.stringMatching(message) });
  });

  const experts = "model.layers.1.mlp.experts";
  const expert = (part: string, change: Partial<Entry> | undefined): Changes => ({
    header(header) {
      const entry = header[`${experts}.${part}`]!;
      if (change) Object.assign(entry, change);
      else {
        header.elsewhere = entry;
        delete header[`${experts}.${part}`];
      }
    },
  });

  it.each<[string, Changes, string, RegExp]>([
    [
      "no blocks of gate and up",
      expert("gate_up_proj_blocks", undefined),
      "MissingTensor",
      /gate_up_proj".*found none/,
    ],
    ["no scales", expert("down_proj_scales", undefined), "MissingTensor", /down_proj_scales.*found none/],
    ["no biases", expert("gate_up_proj_bias", undefined), "MissingTensor", /gate_up_proj_bias/],
    ["no biases of down", expert("down_proj_bias", undefined), "MissingTensor", /down_proj_bias/],
    [
      "blocks of other experts",
      expert("gate_up_proj_blocks", { shape: [2, 128, 2, 16] }),
      "WrongShape",
      /\[4, 64, 2, 16\]/,
    ],
    [
      "blocks in three dimensions",
      expert("down_proj_blocks", { shape: [4, 64, 16] }),
      "WrongShape",
      /\[4, 64, 1, 16\]/,
    ],
    ["scales of other groups", expert("gate_up_proj_scales", { shape: [4, 32, 4] }), "WrongShape", /\[4, 64, 2\]/],
    ["biases of other experts", expert("gate_up_proj_bias", { shape: [8, 32] }), "WrongShape", /\[4, 64\]/],
    ["blocks of signed bytes", expert("down_proj_blocks", { dtype: "I8" }), "UnsupportedQuant", /U8.*I8/],
    ["scales of floats", expert("gate_up_proj_scales", { dtype: "F8_E4M3" }), "UnsupportedQuant", /F8_E4M3/],
    ["biases of integers", expert("down_proj_bias", { dtype: "I16" }), "UnsupportedQuant", /down_proj_bias.*I16/],
    ["fewer experts than stated", { config: (json) => (json.num_local_experts = 3) }, "WrongShape", /received \[4/],
  ])("gpt-oss: %s", async (_, changes, code, message) => {
    const path = changed("gpt-oss", changes);
    await refused(path, code, message);
    expect(await inspectModel(path)).toMatchObject({ supported: false, problem: expect.stringMatching(message) });
  });

  it("gpt-oss: its files say how experts are packed, whatever the configuration says", async () => {
    const path = changed("gpt-oss", { config: (json) => delete json.quantization_config });
    expect(await inspectModel(path)).toMatchObject({ supported: true, problem: undefined });
  });

  it("groups that are none", async () => {
    const path = changed("gptq-4-desc", {
      header: (header, data) => data.writeInt32LE(2, header[`${up}.g_idx`]!.data_offsets[0] + 20),
    });
    await refused(path, "InvalidSafetensors", /groups 0 to 1 .*g_idx.*received 2 for column 5/);
    const negative = changed("gptq-4-desc", {
      header: (header, data) => data.writeInt32LE(-1, header[`${up}.g_idx`]!.data_offsets[0]),
    });
    await refused(negative, "InvalidSafetensors", /received -1 for column 0/);
  });

  it("a state of bitsandbytes that says something else", async () => {
    const state = (from: string, to: string) =>
      changed("nf4", {
        header: (header, data) => {
          const [start, end] = header[`${up}.${nf4State}`]!.data_offsets;
          const text = data.toString("latin1", start, end);
          expect(text).toContain(from);
          data.write(text.replace(from, to.padEnd(from.length)), start, "latin1");
        },
      });
    await refused(state("[192, 64]", "[64, 192]"), "WrongShape", /\[192, 64\].*\[64,192\]/);
    await refused(state('"blocksize": 64', '"blocksize": 0'), "InvalidConfig", /blocksize/);
    await refused(state('"blocksize": 64', '"blocksize": 32'), "WrongShape", /\[384\]/);
    await refused(state('"blocksize": 64', '"blocksize": -1'), "InvalidConfig", /blocksize/);
    await refused(state('"nested_blocksize": 256', '"nested_blocksize": 0'), "InvalidConfig", /nested_blocksize/);
    await refused(state('"nested_blocksize": 256', '"nested_blocksize": 1e9'), "InvalidConfig", /nested_blocksize/);
    await refused(state("0.4163322448730469", '"0"'), "InvalidConfig", /a number for nested_offset.*"0"/);
    await refused(state("0.4163322448730469", "1e400"), "InvalidConfig", /a number for nested_offset/);
    await refused(changed("nf4", replace(nf4State, "U8", 4097)), "LimitExceeded", /at most 4096 bytes.*quant_state/);
    await refused(state('{"quant_type"', "{quant_type"), "InvalidConfig", /not JSON/);
  });

  it("levels of bitsandbytes that are not the published ones", async () => {
    const path = changed("nf4", {
      header: (header, data) => data.writeFloatLE(0.5, header[`${up}.weight.quant_map`]!.data_offsets[0] + 4),
    });
    await refused(path, "UnsupportedQuant", /levels of NF4.*quant_map/);
  });

  it("two modules of one meaning", async () => {
    const path = changed("gptq-4", {
      header: (header) => {
        header["model.model.layers.0.mlp.up_proj.scales"] = header[`${up}.scales`]!;
        delete header[`${up}.scales`];
      },
    });
    await refused(path, "InvalidSafetensors", /one weight.*received parts of/);
  });
});

describe("methods", () => {
  it.each(["aqlm", "quip", "hqq", "eetq", "torchao", "vptq", "higgs", "bitnet", "auto-round"])(
    "%s is refused by name",
    async (name) => {
      const path = changed("gptq-4", config("quant_method", name));
      await refused(path, "UnsupportedQuant", new RegExp(`quantised by ${name}, expected one of gptq, awq, fp8.*GGUF`));
    },
  );

  it("MLX is refused by name", async () => {
    const path = changed("gptq-4", {
      config: (json) => {
        delete json.quantization_config;
        json.quantization = { group_size: 64, bits: 4 };
      },
    });
    await refused(path, "UnsupportedQuant", /quantised by mlx/);
  });

  it.each<[string, Changes, RegExp]>([
    ["gptq-4", config("checkpoint_format", "marlin"), /"gptq" or "gptq_v2".*received "marlin"/],
    ["gptq-4", config("is_marlin_format", true), /marlin/],
    ["awq", config("version", "gemv"), /gemv/],
    ["ct-int4", config("transform_config", { config_groups: { u: {} } }), /transform_config/],
    ["ct-int4", config("sparsity_config", { format: "sparse-24-bitmask" }), /sparse-24/],
    ["gptq-4", { config: (json) => delete json.quantization_config }, /up_proj|q_proj.*no quantization_config/],
    ["ct-fp8-tensor", { config: (json) => delete json.quantization_config }, /no quantization_config/],
  ])("%s: a variant that cannot be run (%#)", (name, changes, message) =>
    refused(changed(name, changes), "UnsupportedQuant", message),
  );

  it.each<[unknown]>([
    [[128]],
    [[0, 128]],
    [[128, -1]],
    [[1.5, 128]],
    [[128, 128, 128]],
    [["128", 128]],
    ["128x128"],
    [7],
    [{}],
  ])("blocks that are no sizes: %j", (size) =>
    refused(changed("fp8-blocks", config("weight_block_size", size)), "InvalidConfig", /two positive sizes/),
  );

  it.each([0, 3, 8, -4, 2 ** 53, "four", null])("AWQ of %j bits", (bits) =>
    refused(changed("awq", config("bits", bits ?? "none")), "UnsupportedQuant", /"gemm" with 4 bits/),
  );

  // What is stored decides.
  it.each<[string, string, unknown]>([
    ...[0, -1, 7, 1e9, "32", null].map((size) => ["gptq-4", "group_size", size] as [string, string, unknown]),
    ...[0, 2 ** 53, -1, "4", null].map((bits) => ["gptq-4", "bits", bits] as [string, string, unknown]),
    ["ct-int4", "config_groups", { group_0: { weights: { num_bits: 2 ** 40, group_size: -5 } } }],
    ["ct-int4", "config_groups", []],
  ])("%s with %s %j is read as it is stored", async (name, key, value) => {
    const right = await inspectModel(join(fixtures, name));
    const inspection = await inspectModel(changed(name, config(key, value)));
    expect(inspection).toMatchObject({ supported: true, memory: { weights: right.memory.weights } });
    expect(inspection.parameters).toBeLessThanOrEqual(right.parameters!);
  });

  it("no file can hold what is made at load", async () => {
    const path = changed("gptq-4", {
      header: (header) => {
        header[`${up}.scales`]!.dtype = "U4_SCALED";
      },
    });
    await expect(openModel(path)).rejects.toThrow(expect.objectContaining({ code: "UnsupportedQuant" }));
  });
});
