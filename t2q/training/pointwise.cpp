// What a transformer does between its products, in one pass each, forward and backward, on a CPU: RMSNorm of float32 into
// bf16, rotary positions and the gated activation of bf16. PyTorch takes four to six passes over memory for any of them.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <torch/library.h>

#include <cmath>
#include <tuple>

namespace {

using at::BFloat16;
using Lanes = at::vec::Vectorized<float>;
using Halves = at::vec::Vectorized<BFloat16>;

constexpr int64_t LANES = Lanes::size();
constexpr int64_t STEP = Halves::size();  // of elements: a row is a multiple of it
constexpr int64_t GRAIN = 16;             // rows that are worth a thread

struct Two {
  Lanes low, high;
};

Two load(const BFloat16* x) {
  const auto [low, high] = at::vec::convert_bfloat16_float(Halves::loadu(x));
  return {low, high};
}

Two load(const float* x) { return {Lanes::loadu(x), Lanes::loadu(x + LANES)}; }

void store(const Two& x, BFloat16* to) { at::vec::convert_from_float<BFloat16>(x.low, x.high).store(to); }

void store(const Two& x, float* to) {
  x.low.store(to);
  x.high.store(to + LANES);
}

Two operator*(const Two& a, const Two& b) { return {a.low * b.low, a.high * b.high}; }
Two operator+(const Two& a, const Two& b) { return {a.low + b.low, a.high + b.high}; }
Two operator-(const Two& a, const Two& b) { return {a.low - b.low, a.high - b.high}; }
Two all(float x) { return {Lanes(x), Lanes(x)}; }

float total(const Two& x) {
  return at::vec::vec_reduce_all<float>([](const Lanes& a, const Lanes& b) { return a + b; }, x.low + x.high);
}

// x: (N, E), float32, weight: (E,), float32. Returns (N, E), bf16, and what each row was multiplied by, (N,).
std::tuple<at::Tensor, at::Tensor> rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const int64_t rows = x.size(0), size = x.size(1);
  at::Tensor result = at::empty({rows, size}, x.options().dtype(at::kBFloat16)), factors = at::empty({rows}, x.options());
  const float *from = x.data_ptr<float>(), *by = weight.data_ptr<float>();
  auto* to = result.data_ptr<BFloat16>();
  auto* factor_of = factors.data_ptr<float>();
  at::parallel_for(0, rows, GRAIN, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* row = from + r * size;
      Two squares = all(0.f);
      for (int64_t c = 0; c < size; c += STEP) squares = squares + load(row + c) * load(row + c);
      const float factor = 1 / std::sqrt(total(squares) / size + static_cast<float>(epsilon));
      factor_of[r] = factor;
      for (int64_t c = 0; c < size; c += STEP) store(load(row + c) * all(factor) * load(by + c), to + r * size + c);
    }
  });
  return {result, factors};
}

// The gradient of x, float32, from that of the result, bf16.
at::Tensor rms_norm_backward(const at::Tensor& gradient, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& factors) {
  const int64_t rows = x.size(0), size = x.size(1);
  at::Tensor result = at::empty_like(x);
  const float *from = x.data_ptr<float>(), *by = weight.data_ptr<float>(), *factor_of = factors.data_ptr<float>();
  const auto* given = gradient.data_ptr<BFloat16>();
  auto* to = result.data_ptr<float>();
  at::parallel_for(0, rows, GRAIN, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float *row = from + r * size, factor = factor_of[r];
      const BFloat16* slope = given + r * size;
      Two along = all(0.f);
      for (int64_t c = 0; c < size; c += STEP) along = along + load(slope + c) * load(by + c) * load(row + c);
      const Two back = all(total(along) * factor * factor * factor / size);
      for (int64_t c = 0; c < size; c += STEP)
        store(load(slope + c) * load(by + c) * all(factor) - load(row + c) * back, to + r * size + c);
    }
  });
  return result;
}

// x: (1, heads, T, D), bf16, of any strides with D together; cosines and sines: (T, D), float32. `sign`: -1 turns back.
// Returns the same shape, tokens before heads in memory.
at::Tensor rotate(const at::Tensor& x, const at::Tensor& cosines, const at::Tensor& sines, double sign) {
  const int64_t heads = x.size(1), tokens = x.size(2), size = x.size(3), half = size / 2;
  at::Tensor result = at::empty({1, tokens, heads, size}, x.options()).transpose(1, 2);
  const auto* from = x.data_ptr<BFloat16>();
  auto* to = result.data_ptr<BFloat16>();
  const float *cosine = cosines.data_ptr<float>(), *sine = sines.data_ptr<float>();
  const Two way = all(static_cast<float>(sign));
  at::parallel_for(0, tokens, GRAIN, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t h = 0; h < heads; ++h) {
        const BFloat16* row = from + h * x.stride(1) + t * x.stride(2);
        BFloat16* out = to + h * result.stride(1) + t * result.stride(2);
        for (int64_t c = 0; c < half; c += STEP) {
          const Two first = load(row + c), second = load(row + half + c);
          const Two cos = load(cosine + t * size + c), sin = load(sine + t * size + c) * way;
          store(first * cos - second * sin, out + c);
          store(second * cos + first * sin, out + half + c);
        }
      }
  });
  return result;
}

Two sigmoid(const Two& x) {
  const Lanes one(1.f);
  return {one / (one + x.low.neg().exp_u20()), one / (one + x.high.neg().exp_u20())};
}

// silu(gate) * value, elementwise; both bf16 and contiguous, a multiple of STEP.
at::Tensor gated(const at::Tensor& gate, const at::Tensor& value) {
  at::Tensor result = at::empty_like(gate);
  const auto *g = gate.data_ptr<BFloat16>(), *v = value.data_ptr<BFloat16>();
  auto* to = result.data_ptr<BFloat16>();
  at::parallel_for(0, gate.numel() / STEP, GRAIN * STEP, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * STEP; i < end * STEP; i += STEP) {
      const Two x = load(g + i);
      store(x * sigmoid(x) * load(v + i), to + i);
    }
  });
  return result;
}

// The gradients of gate and value.
std::tuple<at::Tensor, at::Tensor> gated_backward(const at::Tensor& gradient, const at::Tensor& gate,
                                                  const at::Tensor& value) {
  at::Tensor of_gate = at::empty_like(gate), of_value = at::empty_like(value);
  const auto *d = gradient.data_ptr<BFloat16>(), *g = gate.data_ptr<BFloat16>(), *v = value.data_ptr<BFloat16>();
  auto *to_gate = of_gate.data_ptr<BFloat16>(), *to_value = of_value.data_ptr<BFloat16>();
  at::parallel_for(0, gate.numel() / STEP, GRAIN * STEP, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * STEP; i < end * STEP; i += STEP) {
      const Two x = load(g + i), slope = load(d + i), open = sigmoid(x);
      store(slope * x * open, to_value + i);
      store(slope * load(v + i) * open * (all(1.f) + x * (all(1.f) - open)), to_gate + i);
    }
  });
  return {of_gate, of_value};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(t2q, library) {
  library.def("rms_norm(Tensor x, Tensor weight, float epsilon) -> (Tensor, Tensor)");
  library.def("rms_norm_backward(Tensor gradient, Tensor x, Tensor weight, Tensor factors) -> Tensor");
  library.def("rotate(Tensor x, Tensor cosines, Tensor sines, float sign) -> Tensor");
  library.def("gated(Tensor gate, Tensor value) -> Tensor");
  library.def("gated_backward(Tensor gradient, Tensor gate, Tensor value) -> (Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(t2q, CPU, library) {
  library.impl("rms_norm", &rms_norm);
  library.impl("rms_norm_backward", &rms_norm_backward);
  library.impl("rotate", &rotate);
  library.impl("gated", &gated);
  library.impl("gated_backward", &gated_backward);
}
