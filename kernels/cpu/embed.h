// embed: the values of one row of a matrix, of any quant.

namespace deadlift::DEADLIFT_ISA {
namespace {

template <class Q>
void decode(const uint8_t* row, int columns, float* out) {
  int k = 0;
  for (; k + Q::step <= columns; k += Q::step) {
    const Q weights(row, k);
    for (int i = 0; i < Q::step / lanes; ++i) store(out + k + i * lanes, weights.part(i));
  }
  if constexpr (Q::block == 1) {
    if (k < columns) store_part(out + k, Q::tail(row, k, columns - k), columns - k);
  }
}

}  // namespace
}  // namespace deadlift::DEADLIFT_ISA
