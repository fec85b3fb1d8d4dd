// The quant types that can be written: one row each. A row here, a file beside it included in isa/table.h, and the
// converter knows the type. An encoder is a function `encode_<id>` over whole blocks.

#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

//  id, as in quants.h
// clang-format off: by family
#define DEADLIFT_ENCODERS(row) \
  row(f32) row(f16) row(bf16) \
  row(q8_0) row(q4_0) row(q4_1) row(q5_0) row(q5_1) \
  row(q2_k) row(q3_k) row(q4_k) row(q5_k) row(q6_k) \
  row(iq1_s) row(iq1_m) row(iq2_xxs) row(iq2_xs) row(iq2_s) row(iq3_xxs) row(iq3_s) row(iq4_nl) row(iq4_xs) \
  row(mxfp4) row(nvfp4) row(tq1_0) row(tq2_0) row(q1_0) row(q2_0)
// clang-format on
