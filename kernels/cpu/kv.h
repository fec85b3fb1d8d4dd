// How keys and values are kept, one struct for each KvType, and storing them.
//
// What one page holds for one key head and one layer, at the offsets of KvLayout:
//
//   keys          (headDim, keyStride)       transposed: neighbouring positions are neighbouring lanes
//   values        (pageTokens, valueStride)  neighbouring dims are neighbouring lanes
//   key scales    (blocks, keyStride)        F16, of 32 dims of a position each, the last block shorter: q8_0 only.
//   value scales  (blocks, keyStride)        Positions are lanes here too: both are multiplied with scores and weights
//                                            of whole vectors of positions, not with each key and value.

#include "kernels/cpu/kernels.h"

namespace deadlift::DEADLIFT_ISA {
namespace {

// `load_values` at any place of a row; `store_values` at most `lanes`.
struct KvF32 {
  using Value = float;
  static constexpr bool scaled = false;
  static vec load_values(const Value* p) { return load(p); }
  static void store_values(Value* p, vec a, int n) { store_part(p, a, n); }
};
struct KvF16 {
  using Value = uint16_t;
  static constexpr bool scaled = false;
  static vec load_values(const Value* p) { return load_f16(p); }
  static void store_values(Value* p, vec a, int n) { store_f16_part(p, a, n); }
};
struct KvBf16 {
  using Value = uint16_t;
  static constexpr bool scaled = false;
  static vec load_values(const Value* p) { return load_bf16(p); }
  static void store_values(Value* p, vec a, int n) { store_bf16_part(p, a, n); }
};
struct KvQ8_0 {
  using Value = int8_t;
  static constexpr bool scaled = true;
  static vec load_values(const Value* p) { return load_i8(p); }
};

void encode_q8_0(const float* values, const float*, int n, uint8_t* out);

inline int at_most(int a, int b) { return a < b ? a : b; }
inline int at_least(int a, int b) { return a > b ? a : b; }

constexpr int few_slots = 2;  // are stored one by one: transposing them takes longer

// One key head's part of a page, from one slot on.
template <class Kv>
struct KvSlots {
  typename Kv::Value* keys;
  typename Kv::Value* values;
  uint16_t* key_scales;
  uint16_t* value_scales;
};

template <class Kv>
KvSlots<Kv> slots_of(const KvPages& kv, int kv_head, int position) {
  const KvLayout& layout = *kv.layout;
  const int page = position / layout.page_tokens, slot = position % layout.page_tokens;
  uint8_t* start = kv.base + kv.pages[page] * kv.page_stride + kv_head * layout.head_bytes;
  return {reinterpret_cast<typename Kv::Value*>(start) + slot,
          reinterpret_cast<typename Kv::Value*>(start + layout.values) + slot * layout.value_stride,
          reinterpret_cast<uint16_t*>(start + layout.key_scales) + slot,
          reinterpret_cast<uint16_t*>(start + layout.value_scales) + slot};
}

template <class Kv>
void store_slot(const KvLayout& layout, const KvSlots<Kv>& slot, const float* k, const float* v) {
  for (int d = 0; d < layout.value_dim; d += lanes) {
    const int n = at_most(lanes, layout.value_dim - d);
    Kv::store_values(slot.values + d, load_part(v + d, n), n);
  }
  for (int d = 0; d < layout.head_dim; d += lanes) {
    const int n = at_most(lanes, layout.head_dim - d);
    typename Kv::Value column[lanes];
    Kv::store_values(column, load_part(k + d, n), n);
    for (int i = 0; i < n; ++i) slot.keys[(d + i) * layout.key_stride] = column[i];
  }
}

// Neighbouring slots of one page, up to `lanes`.
template <class Kv>
void store_slots(const KvLayout& layout, const KvSlots<Kv>& first, int slots, const float* k, int64_t k_stride,
                 const float* v, int64_t v_stride) {
  for (int d = 0; d < layout.head_dim; d += lanes) {
    const int n = at_most(lanes, layout.head_dim - d);
    vec keys[lanes];
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) keys[i] = i < slots ? load_part(k + i * k_stride + d, n) : zero();
    transpose(keys);
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      if (i < n) Kv::store_values(first.keys + (d + i) * layout.key_stride, keys[i], slots);
    }
  }
  for (int d = 0; d < layout.value_dim; d += lanes) {
    const int n = at_most(lanes, layout.value_dim - d);
    for (int i = 0; i < slots; ++i) {
      Kv::store_values(first.values + i * layout.value_stride + d, load_part(v + i * v_stride + d, n), n);
    }
  }
}

// The scale and the codes of a block of which `n` values are there.
struct BlockQ8_0 {
  uint16_t scale;
  int8_t codes[kv_block];
};

inline BlockQ8_0 as_q8_0(const float* values, int n) {
  float whole[kv_block] = {};
  memcpy(whole, values, sizeof(float) * static_cast<size_t>(n));
  BlockQ8_0 block;
  static_assert(sizeof block == 2 + kv_block);
  encode_q8_0(whole, nullptr, kv_block, reinterpret_cast<uint8_t*>(&block));
  return block;
}

inline void store_slot(const KvLayout& layout, const KvSlots<KvQ8_0>& slot, const float* k, const float* v) {
  for (int d = 0; d < layout.value_dim; d += kv_block) {
    const int n = at_most(kv_block, layout.value_dim - d);
    const BlockQ8_0 value = as_q8_0(v + d, n);
    slot.value_scales[d / kv_block * layout.key_stride] = value.scale;
    memcpy(slot.values + d, value.codes, static_cast<size_t>(n));
  }
  for (int d = 0; d < layout.head_dim; d += kv_block) {
    const int n = at_most(kv_block, layout.head_dim - d);
    const BlockQ8_0 key = as_q8_0(k + d, n);
    slot.key_scales[d / kv_block * layout.key_stride] = key.scale;
    for (int i = 0; i < n; ++i) slot.keys[(d + i) * layout.key_stride] = key.codes[i];
  }
}

template <class Kv>
void store_kv(const Attention& a, int kv_head, int token, int tokens) {
  const KvLayout& layout = *a.kv.layout;
  for (int t = token, some = 1; t < token + tokens; t += some) {
    const KvSlots<Kv> slots = slots_of<Kv>(a.kv, kv_head, a.position + t);
    const float* k = a.k + t * a.k_stride + kv_head * layout.head_dim;
    const float* v = a.v + t * a.v_stride + kv_head * layout.value_dim;
    if constexpr (!Kv::scaled) {
      const int left = layout.page_tokens - (a.position + t) % layout.page_tokens;
      some = at_most(at_most(token + tokens - t, left), lanes);
      if (some > few_slots) {
        store_slots<Kv>(layout, slots, some, k, a.k_stride, v, a.v_stride);
        continue;
      }
      some = 1;
    }
    store_slot(layout, slots, k, v);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA
