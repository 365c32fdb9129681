// out[t - first] = (centroid[code[t]] + weights[b(t)]) / norm(t) or centroid[code[t]] + factor[t] *
// weights[b(t)]
//
// Shapes: out [last - first, dim]. Lanes are dimensions; a token is expanded by residual.h into its place in
// out, in the unit form while its norm is summed, and then scaled there. dim * nbits / 8 + dim * 4 bytes a
// token read, dim * 4 written.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): 48, 47, 57, 62 ns a token at 1, 2, 4, 8 bits, dim 128;
// portable 90 to 113.
#include "residual.h"

namespace tartan::TARTAN_ISA {
namespace {

template <int kBits>
int32_t decompress_rows(const tartan_codec* codec, const tartan_passages* tokens, int64_t first, int64_t last,
                        float* out) {
  const int64_t dim = codec->dim;
  const WeightTable table(codec);
  for (int64_t t = first; t < last; t++) {
    const int64_t code = code_at(tokens, t);
    if (!within(code, codec->centroids)) return TARTAN_BAD_CODE;
    reconstruct<kBits>(codec, tokens, t, table, out + (t - first) * dim);
  }
  return TARTAN_OK;
}

}  // namespace

int32_t decompress(const tartan_codec* codec, const tartan_passages* tokens, int64_t first, int64_t last,
                   float* out) {
  if (first == last) return TARTAN_OK;
  switch (codec->nbits) {
    case 1:
      return decompress_rows<1>(codec, tokens, first, last, out);
    case 2:
      return decompress_rows<2>(codec, tokens, first, last, out);
    case 3:
      return decompress_rows<3>(codec, tokens, first, last, out);
    case 4:
      return decompress_rows<4>(codec, tokens, first, last, out);
    default:
      return decompress_rows<8>(codec, tokens, first, last, out);
  }
}

}  // namespace tartan::TARTAN_ISA
