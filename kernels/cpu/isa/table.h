// Every kernel, compiled for the instruction set whose words were included before, and the table of them.
//
// Included once by each isa/*.cc. Nothing here may be an inline function or a template with a name that other sources
// share (no STL): the linker would keep one copy for all, and it might be the one this machine cannot run.

#include "kernels/cpu/act.h"
#include "kernels/cpu/add.h"
#include "kernels/cpu/attend.h"
#include "kernels/cpu/delta.h"
#include "kernels/cpu/embed.h"
#include "kernels/cpu/encode/encode.h"
#include "kernels/cpu/gather.h"
#include "kernels/cpu/glu.h"
#include "kernels/cpu/kernels.h"
#include "kernels/cpu/layer_norm.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/linear_codes.h"
#include "kernels/cpu/mix.h"
#include "kernels/cpu/mul.h"
#include "kernels/cpu/norm.h"
#include "kernels/cpu/peak.h"
#include "kernels/cpu/quants/bf16.h"
#include "kernels/cpu/quants/f16.h"
#include "kernels/cpu/quants/f32.h"
#include "kernels/cpu/quants/iq1_m.h"
#include "kernels/cpu/quants/iq1_s.h"
#include "kernels/cpu/quants/iq2_s.h"
#include "kernels/cpu/quants/iq2_xs.h"
#include "kernels/cpu/quants/iq2_xxs.h"
#include "kernels/cpu/quants/iq3_s.h"
#include "kernels/cpu/quants/iq3_xxs.h"
#include "kernels/cpu/quants/iq4_nl.h"
#include "kernels/cpu/quants/iq4_xs.h"
#include "kernels/cpu/quants/mxfp4.h"
#include "kernels/cpu/quants/numbers.h"
#include "kernels/cpu/quants/nvfp4.h"
#include "kernels/cpu/quants/q1_0.h"
#include "kernels/cpu/quants/q2_0.h"
#include "kernels/cpu/quants/q2_k.h"
#include "kernels/cpu/quants/q3_k.h"
#include "kernels/cpu/quants/q4_0.h"
#include "kernels/cpu/quants/q4_1.h"
#include "kernels/cpu/quants/q4_k.h"
#include "kernels/cpu/quants/q5_0.h"
#include "kernels/cpu/quants/q5_1.h"
#include "kernels/cpu/quants/q5_k.h"
#include "kernels/cpu/quants/q6_k.h"
#include "kernels/cpu/quants/q8_0.h"
#include "kernels/cpu/quants/q8_1.h"
#include "kernels/cpu/quants/q8_k.h"
#include "kernels/cpu/quants/scaled_floats.h"
#include "kernels/cpu/quants/scaled_integers.h"
#include "kernels/cpu/quants/small_floats.h"
#include "kernels/cpu/quants/tq1_0.h"
#include "kernels/cpu/quants/tq2_0.h"
#include "kernels/cpu/rope.h"
#include "kernels/cpu/route.h"
#include "kernels/cpu/scan.h"
#include "kernels/cpu/short_conv.h"
#include "kernels/cpu/softcap.h"
#include "kernels/cpu/softmax.h"
#include "kernels/cpu/softplus.h"
#include "kernels/cpu/strip.h"

// After the types they write.
#include "kernels/cpu/encode/floats.h"
#include "kernels/cpu/encode/iq1_m.h"
#include "kernels/cpu/encode/iq1_s.h"
#include "kernels/cpu/encode/iq2_s.h"
#include "kernels/cpu/encode/iq2_xs.h"
#include "kernels/cpu/encode/iq2_xxs.h"
#include "kernels/cpu/encode/iq3_s.h"
#include "kernels/cpu/encode/iq3_xxs.h"
#include "kernels/cpu/encode/iq4_nl.h"
#include "kernels/cpu/encode/iq4_xs.h"
#include "kernels/cpu/encode/mxfp4.h"
#include "kernels/cpu/encode/nvfp4.h"
#include "kernels/cpu/encode/q1_0.h"
#include "kernels/cpu/encode/q2_0.h"
#include "kernels/cpu/encode/q2_k.h"
#include "kernels/cpu/encode/q3_k.h"
#include "kernels/cpu/encode/q4_0.h"
#include "kernels/cpu/encode/q4_1.h"
#include "kernels/cpu/encode/q4_k.h"
#include "kernels/cpu/encode/q5_0.h"
#include "kernels/cpu/encode/q5_1.h"
#include "kernels/cpu/encode/q5_k.h"
#include "kernels/cpu/encode/q6_k.h"
#include "kernels/cpu/encode/q8_0.h"
#include "kernels/cpu/encode/tq1_0.h"
#include "kernels/cpu/encode/tq2_0.h"

namespace deadlift::DEADLIFT_ISA {

constexpr Kernels make_kernels(const char* isa, const char* needs) {
  Kernels kernels = {
      .isa = isa,
      .needs = needs,
#define DEADLIFT_ROW(id, name, block, bytes) linear<id, dot_planes>,
      .linear = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
#define DEADLIFT_ROW(id, name, block, bytes) pack_of<id, dot_planes>(),
      .pack = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
#define DEADLIFT_ROW(id, name, block, bytes) linear<id, in_codes<id> ? fast_planes : dot_planes>,
      .fast_linear = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
#define DEADLIFT_ROW(id, name, block, bytes) pack_of<id, fast_planes>(),
      .fast_pack = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
#define DEADLIFT_ROW(id, name, block, bytes) decode<id>,
      .decode = {DEADLIFT_QUANTS(DEADLIFT_ROW)},
#undef DEADLIFT_ROW
      .encode = {},
      .add = add,
      .most = most,
      .mul = mul,
      .scale = scale,
      .softcap = softcap,
      .clamp = clamp,
      .act = {act<Silu>, act<Gelu>, act<GeluTanh>, act<GeluQuick>, act<Relu>, act<Relu2>, act<Sigmoid>, act<Tanh>,
              nullptr},
      .xielu = xielu,
      .glu = {glu<Gated<Silu>>, glu<Gated<Gelu>>, glu<Gated<GeluTanh>>, glu<Gated<GeluQuick>>, glu<Gated<Relu>>,
              glu<Gated<Relu2>>, glu<Gated<Sigmoid>>, glu<Gated<Tanh>>, glu<ClampedSwish>},
      .norm = norm,
      .layer_norm = layer_norm,
      .sparsify = sparsify,
      .rope = rope,
      .softmax = softmax,
      .share = share,
      .route = route,
      .limit_groups = limit_groups,
      .gather = gather,
      .mix = mix,
      .softplus = softplus,
      .short_conv = short_conv,
      .delta = delta,
      .scan_head = scan_head,
      .scan_channels = scan_channels,
#define DEADLIFT_KV_TYPES(kernel) {kernel<KvF32>, kernel<KvF16>, kernel<KvBf16>, kernel<KvQ8_0>}
      .store_kv = DEADLIFT_KV_TYPES(store_kv),
      .attend = DEADLIFT_KV_TYPES(attend),
      .attend_part = DEADLIFT_KV_TYPES(attend_part),
      .attend_join = attend_join,
#undef DEADLIFT_KV_TYPES
      .touch = touch,
      .peak = peak,
      .peak_flops = peak_flops,
  };
#define DEADLIFT_ROW(id) kernels.encode[static_cast<int>(Quant::id)] = encode_##id;
  DEADLIFT_ENCODERS(DEADLIFT_ROW)
#undef DEADLIFT_ROW
  return kernels;
}

}  // namespace deadlift::DEADLIFT_ISA
