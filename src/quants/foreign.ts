// Names of the ggml ids that this loader does not read, so that its error can say what the file holds.

/** Once in ggml.h, since removed. A fork, bitnet.cpp, has types of its own under three of these ids. */
const removed: Readonly<Record<number, string>> = {
  4: "Q4_2",
  5: "Q4_3",
  31: "Q4_0_4_4",
  32: "Q4_0_4_8",
  33: "Q4_0_8_8",
  36: "IQ4_NL_4_4 (or I2_S of bitnet.cpp)",
  37: "IQ4_NL_4_8 (or I8_S of bitnet.cpp)",
  38: "IQ4_NL_8_8 (or TL1 of bitnet.cpp)",
};

/** First id, then names of consecutive ones: what only ik_llama.cpp has (its ggml.h). */
const ofIkLlama: readonly (readonly [first: number, names: string])[] = [
  [97, "Q8_0_X4 Q8_1_X4 Q8_2_X4"],
  [133, "Q6_0 IQ1_BN IQ2_BN Q8_K64 IQ2_K IQ3_K IQ4_K IQ5_K IQ6_K"],
  [144, "IQ4_KS IQ2_KS IQ4_KSS Q8_K16 Q8_K32 Q8_KR8 Q8_K128 Q8_KV IQ5_KS IQ2_KT IQ3_KT IQ4_KT IQ3_KS IQ2_KL IQ1_KT"],
  [202, "Q4_0_R8"],
  [206, "Q5_0_R4"],
  [208, "Q8_0_R8"],
  [210, "Q2_K_R4 Q3_K_R4 Q4_K_R4 Q5_K_R4 Q6_K_R4"],
  [216, "IQ2_XXS_R4 IQ2_XS_R4 IQ3_XXS_R4 IQ1_S_R4 IQ4_NL_R4 IQ3_S_R4 IQ2_S_R4 IQ4_XS_R8"],
  [229, "IQ1_M_R4 BF16_R16"],
  [233, "Q6_0_R4"],
  [335, "IQ2_BN_R4"],
  [337, "IQ2_K_R4 IQ3_K_R4 IQ4_K_R4 IQ5_K_R4"],
  [344, "IQ4_KS_R4"],
  [352, "IQ5_KS_R4"],
  [398, "Q8_KV_R8 Q8_K_R8"],
];

/** What a type with this id is, and what to do about it; undefined for ids that are not known either. */
export function explainForeign(id: number): string | undefined {
  if (removed[id]) {
    return (
      `type ${removed[id]} (id ${id}), which was removed from GGUF; ` +
      "quantize the original model again with a current tool, or download a newer file"
    );
  }
  for (const [first, names] of ofIkLlama) {
    const name = names.split(" ")[id - first];
    if (name)
      return `type ${name} (id ${id}), which only ik_llama.cpp reads; download a file made for llama.cpp instead`;
  }
  return undefined;
}
