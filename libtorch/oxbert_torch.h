// Supplies what the generated C++ of torch-sys 0.26 expects of torch 2.13 and other releases of the range lack.
//
// The compiler includes this file before the sources of torch-sys (`-include`). None of these functions is used by
// oxbert. A function with a successor is defined by it; any other throws, which torch-sys reports as an error.

#pragma once

// Other C++ of the same build does not see torch.
#if __has_include(<torch/torch.h>)

#include <torch/torch.h>
#include <torch/version.h>

#include <tuple>

#if TORCH_VERSION_MAJOR != 2 || TORCH_VERSION_MINOR < 11 || TORCH_VERSION_MINOR > 15
#error "oxbert is made for torch 2.11 to 2.15"
#endif

#define OXBERT_LACKING(result, name)                                                                \
  template <typename... Arguments> result name(Arguments &&...) {                                   \
    TORCH_CHECK(false, #name " is not in torch ", TORCH_VERSION);                                   \
  }

namespace torch {

#if TORCH_VERSION_MINOR < 13
// Templates lose against the release's own functions, so that one with other arguments may exist beside them.
OXBERT_LACKING(Tensor, _flash_attention_forward_no_dropout_inplace)
OXBERT_LACKING(Tensor, _philox_key_fold_in)
OXBERT_LACKING(Tensor, _philox_key_split)
OXBERT_LACKING(Tensor, _philox_normal)
OXBERT_LACKING(Tensor, _philox_normal_)
OXBERT_LACKING(Tensor, _philox_normal_out)
OXBERT_LACKING(Tensor, _philox_uniform)
OXBERT_LACKING(Tensor, _philox_uniform_)
OXBERT_LACKING(Tensor, _philox_uniform_out)
OXBERT_LACKING(Tensor, _upsample_lanczos2d_aa)
OXBERT_LACKING(Tensor, _upsample_lanczos2d_aa_backward)
OXBERT_LACKING(Tensor, _upsample_lanczos2d_aa_backward_out)
OXBERT_LACKING(Tensor, _upsample_lanczos2d_aa_out)
using PairOfTensors = std::tuple<Tensor, Tensor>;
OXBERT_LACKING(PairOfTensors, _scaled_dot_product_attention_math_for_mps)
#endif

#if TORCH_VERSION_MINOR > 13
inline Tensor cholesky(const Tensor &self, bool upper) { return torch::linalg_cholesky(self, upper); }
inline Tensor &cholesky_out(Tensor &out, const Tensor &self, bool upper) {
  return torch::linalg_cholesky_out(out, self, upper);
}
inline std::tuple<Tensor, Tensor> qr(const Tensor &self, bool some) {
  return torch::linalg_qr(self, some ? "reduced" : "complete");
}
inline std::tuple<Tensor &, Tensor &> qr_out(Tensor &q, Tensor &r, const Tensor &self, bool some) {
  return torch::linalg_qr_out(q, r, self, some ? "reduced" : "complete");
}
#endif

} // namespace torch

#undef OXBERT_LACKING

#endif
