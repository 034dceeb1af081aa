// Attention over a row of documents, each a prefix and pairs behind it: a token sees its document's prefix and its own
// pair, as far as they stand before it. Forward and backward for bf16, with softmax in float32, one document and head a
// task: its scores never leave the core's cache. The products are PyTorch's (oneDNN's brgemm, on AMX where there is one).
//
// The way of computing is that of FlashAttention-2 (Dao, 2023): scores are computed again in the backward pass from the
// saved logarithms of their sums, delta = sum(gradient * result) stands for softmax's own part.

#include <ATen/ATen.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/native/CPUBlas.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <vector>

namespace {

using at::BFloat16;
using Lanes = at::vec::Vectorized<float>;

constexpr int64_t ROWS = 64;   // queries a block
constexpr int64_t ROUND = 32;  // columns are computed in multiples of it, so that few kernels are needed
constexpr float NEVER = -std::numeric_limits<float>::infinity();

int64_t rounded(int64_t n) { return (n + ROUND - 1) / ROUND * ROUND; }

// One document: its first token, the length of its prefix, and its length.
struct Document {
  int64_t first, prefix, length;
};

// Where documents stand, and the token that each token's own pair begins with.
struct Layout {
  std::vector<Document> documents;
  std::vector<int64_t> pair_start;

  // planes: (2, T), each token's document (-1: filling) and pair (0: the prefix)
  explicit Layout(const at::Tensor& planes) {
    const int64_t tokens = planes.size(1);
    const int64_t* document = planes.data_ptr<int64_t>();
    const int64_t* pair = document + tokens;
    pair_start.resize(tokens);
    for (int64_t t = 0; t < tokens; ++t) {
      const bool same_document = t > 0 && document[t] == document[t - 1];
      pair_start[t] = same_document && pair[t] == pair[t - 1] ? pair_start[t - 1] : t;
      if (document[t] < 0) continue;
      if (!same_document) documents.push_back({t, 0, 0});
      documents.back().length++;
      if (pair[t] == 0) documents.back().prefix++;
    }
  }
};

// A head's rows of one of the tensors (1, heads, T, D).
struct Matrix {
  BFloat16* data;
  int64_t stride;

  Matrix(const at::Tensor& x, int64_t head, int64_t first)
      : data(x.data_ptr<BFloat16>() + head * x.stride(1) + first * x.stride(2)), stride(x.stride(2)) {}
  BFloat16* row(int64_t i) const { return data + i * stride; }
};

uint32_t upper(float x) {  // bf16 in the upper half, rounded to nearest even
  uint32_t whole;
  std::memcpy(&whole, &x, 4);
  return whole + 0x7fff + ((whole >> 16) & 1);
}

const uint16_t* bits(const BFloat16* x) { return reinterpret_cast<const uint16_t*>(x); }

// columns x rows of 32 bits each, from rows x columns. Tiles that a core turns in its registers, the rest one by one.
void turn(const float* x, int64_t rows, int64_t columns, int64_t stride, float* out, int64_t out_stride) {
  constexpr int64_t TILE = 16;
  const int64_t whole_rows = rows / TILE * TILE, whole_columns = columns / TILE * TILE;
  for (int64_t r = 0; r < whole_rows; r += TILE)
    for (int64_t c = 0; c < whole_columns; c += TILE)
      at::vec::transpose_mxn<float, TILE, TILE>(x + r * stride + c, stride, out + c * out_stride + r, out_stride);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = r < whole_rows ? whole_columns : 0; c < columns; ++c) out[c * out_stride + r] = x[r * stride + c];
}

// The right factor of a product, as brgemm wants it: pairs of rows interleaved. rows x columns, zeros from `rows` on.
void pack_rows(const Matrix& x, int64_t rows, int64_t padded, int64_t columns, BFloat16* out) {
  auto* words = reinterpret_cast<uint32_t*>(out);
  const std::vector<uint16_t> none(columns, 0);
  for (int64_t r = 0; r < padded; r += 2) {
    const uint16_t *even = r < rows ? bits(x.row(r)) : none.data(), *odd = r + 1 < rows ? bits(x.row(r + 1)) : none.data();
    uint32_t* to = words + r / 2 * columns;
    for (int64_t c = 0; c < columns; ++c) to[c] = even[c] | static_cast<uint32_t>(odd[c]) << 16;
  }
}

// The same of its transpose: columns x rows. Two columns of one row, side by side, are 32 bits already.
void pack_transposed(const Matrix& x, int64_t rows, int64_t padded, int64_t columns, BFloat16* out) {
  auto* words = reinterpret_cast<float*>(out);
  turn(reinterpret_cast<const float*>(x.data), rows, columns / 2, x.stride / 2, words, padded);
  for (int64_t c = 0; c < columns / 2; ++c) std::fill(words + c * padded + rows, words + (c + 1) * padded, 0.f);
}

// A block of ROWS rows, turned: columns x ROWS.
void turn_block(const BFloat16* x, int64_t stride, int64_t columns, BFloat16* out) {
  constexpr int64_t TILE = 16;
  const int64_t whole = columns / TILE * TILE;
  for (int64_t r = 0; r < ROWS; r += TILE)
    for (int64_t c = 0; c < whole; c += TILE)
      at::vec::transpose_mxn<BFloat16, TILE, TILE>(x + r * stride + c, stride, out + c * ROWS + r, ROWS);
  for (int64_t r = 0; r < ROWS; ++r)
    for (int64_t c = whole; c < columns; ++c) out[c * ROWS + r] = x[r * stride + c];
}

void pack_floats(const float* x, int64_t rows, int64_t columns, BFloat16* out) {
  auto* words = reinterpret_cast<uint32_t*>(out);
  for (int64_t r = 0; r < rows; r += 2) {
    const float *even = x + r * columns, *odd = even + columns;
    uint32_t* to = words + r / 2 * columns;
    for (int64_t c = 0; c < columns; ++c) to[c] = (upper(even[c]) >> 16) | (upper(odd[c]) & 0xffff0000u);
  }
}

void to_bf16(const float* x, int64_t n, float scale, BFloat16* out) {
  auto* to = reinterpret_cast<uint16_t*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint16_t>(upper(x[i] * scale) >> 16);
}

void product(int64_t m, int64_t n, int64_t k, const BFloat16* a, int64_t lda, const BFloat16* b, int64_t ldb, float* c,
             int64_t ldc, bool add) {
  if (n == 0) return;
  if (k == 0) {  // brgemm knows no empty sum
    for (int64_t i = 0; i < m && !add; ++i) std::fill(c + i * ldc, c + i * ldc + n, 0.f);
    return;
  }
  at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, add, a, b, c);
}

// The columns that a block of queries sees: the prefix's first `far`, and `near` from `from` on.
struct Seen {
  int64_t far, from, near;
};

// One document and head, its keys packed, and room for a block's scores. Everything is float32 or bf16, row by row.
class Task {
 public:
  Task(const Document& document, const Layout& layout, int64_t size, float scale)
      : at_(document), layout_(layout), size(size), padded(rounded(document.length)), scale_(scale),
        keys(padded * size), far_scores(ROWS * padded), near_scores(ROWS * padded), lines(ROWS * size) {}

  int64_t blocks() const { return (at_.length + ROWS - 1) / ROWS; }
  int64_t rows_of(int64_t block) const { return std::min(ROWS, at_.length - block * ROWS); }

  Seen seen(int64_t block) const {
    const int64_t first = block * ROWS, end = first + rows_of(block);
    Seen s{rounded(std::min(end, at_.prefix)), 0, 0};
    if (end > at_.prefix) {
      const int64_t own = std::max(first, at_.prefix);
      s.from = (layout_.pair_start[at_.first + own] - at_.first) / ROUND * ROUND;
      s.near = rounded(end) - s.from;
    }
    return s;
  }

  // A block of rows that brgemm can read: as it lies, or filled up with zeros.
  const BFloat16* block_of(const Matrix& x, int64_t block, std::vector<BFloat16>& copy, int64_t* stride) const {
    const int64_t rows = rows_of(block);
    if (rows == ROWS) {
      *stride = x.stride;
      return x.row(block * ROWS);
    }
    copy.assign(ROWS * size, BFloat16(0));
    for (int64_t r = 0; r < rows; ++r) std::copy_n(x.row(block * ROWS + r), size, copy.data() + r * size);
    *stride = size;
    return copy.data();
  }

  // Scores of a block, scaled, NEVER where a query does not see a key.
  void score(int64_t block, const BFloat16* queries, int64_t stride, const Seen& s) {
    product(ROWS, s.far, size, queries, stride, keys.data(), padded, far_scores.data(), s.far, false);
    product(ROWS, s.near, size, queries, stride, keys.data() + 2 * s.from, padded, near_scores.data(), s.near, false);
    const int64_t rows = rows_of(block);
    for (int64_t r = 0; r < ROWS; ++r) {
      const int64_t token = block * ROWS + r;
      float* far = far_scores.data() + r * s.far;
      float* near = near_scores.data() + r * s.near;
      const bool real = r < rows;
      const int64_t end = !real ? 0 : std::min(token + 1, at_.prefix);
      for (int64_t c = 0; c < end; ++c) far[c] *= scale_;
      std::fill(far + end, far + s.far, NEVER);
      if (!s.near) continue;
      const bool own = real && token >= at_.prefix;
      const int64_t low = own ? layout_.pair_start[at_.first + token] - at_.first - s.from : 0;
      const int64_t high = own ? token + 1 - s.from : 0;
      std::fill(near, near + low, NEVER);
      for (int64_t c = low; c < high; ++c) near[c] *= scale_;
      std::fill(near + high, near + s.near, NEVER);
    }
  }

  const Document& at_;
  const Layout& layout_;
  const int64_t size, padded;
  const float scale_;
  std::vector<BFloat16> keys;  // transposed and packed
  std::vector<float> far_scores, near_scores, lines;
};

float highest(const float* x, int64_t n, float so_far) {
  Lanes most(so_far);
  for (int64_t i = 0; i < n; i += Lanes::size()) most = at::vec::maximum(most, Lanes::loadu(x + i));
  float all[Lanes::size()];
  most.store(all);
  return *std::max_element(all, all + Lanes::size());
}

// exp(x - shift) in place, and their sum
float exponentials(float* x, int64_t n, float shift) {
  Lanes sum(0.f), by(shift);
  for (int64_t i = 0; i < n; i += Lanes::size()) {
    const Lanes e = (Lanes::loadu(x + i) - by).exp_u20();
    e.store(x + i);
    sum = sum + e;
  }
  float all[Lanes::size()];
  sum.store(all);
  float total = 0;
  for (float part : all) total += part;
  return total;
}

void forward_task(const Layout& layout, const Document& document, int64_t head, float scale, const at::Tensor& q,
                  const at::Tensor& k, const at::Tensor& v, at::Tensor& result, at::Tensor& sums) {
  const int64_t size = q.size(3);
  Task task(document, layout, size, scale);
  const Matrix queries(q, head, document.first), keys(k, head, document.first), values(v, head, document.first);
  pack_transposed(keys, document.length, task.padded, size, task.keys.data());
  std::vector<BFloat16> packed_values(task.padded * size), copy, weights(ROWS * task.padded);
  pack_rows(values, document.length, task.padded, size, packed_values.data());
  float* sum_of = sums.data_ptr<float>() + head * sums.size(1) + document.first;
  BFloat16* out = result.data_ptr<BFloat16>() + document.first * result.stride(1) + head * size;
  for (int64_t block = 0; block < task.blocks(); ++block) {
    const Seen s = task.seen(block);
    int64_t stride;
    const BFloat16* from = task.block_of(queries, block, copy, &stride);
    task.score(block, from, stride, s);
    const int64_t rows = task.rows_of(block);
    float inverse[ROWS];
    for (int64_t r = 0; r < rows; ++r) {
      float *far = task.far_scores.data() + r * s.far, *near = task.near_scores.data() + r * s.near;
      const float most = highest(near, s.near, highest(far, s.far, NEVER));
      const float total = exponentials(far, s.far, most) + exponentials(near, s.near, most);
      sum_of[block * ROWS + r] = most + std::log(total);
      inverse[r] = 1 / total;
    }
    to_bf16(task.far_scores.data(), rows * s.far, 1.f, weights.data());
    std::fill(weights.data() + rows * s.far, weights.data() + ROWS * s.far, BFloat16(0));
    product(ROWS, size, s.far, weights.data(), s.far, packed_values.data(), size, task.lines.data(), size, false);
    to_bf16(task.near_scores.data(), rows * s.near, 1.f, weights.data());
    std::fill(weights.data() + rows * s.near, weights.data() + ROWS * s.near, BFloat16(0));
    product(ROWS, size, s.near, weights.data(), s.near, packed_values.data() + s.from * size, size, task.lines.data(),
            size, true);
    for (int64_t r = 0; r < rows; ++r)
      to_bf16(task.lines.data() + r * size, size, inverse[r], out + (block * ROWS + r) * result.stride(1));
  }
}

float dot(const BFloat16* x, const BFloat16* y, int64_t n) {
  constexpr int64_t LANES = at::vec::Vectorized<BFloat16>::size();
  Lanes sum(0.f);
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const auto [x_low, x_high] = at::vec::convert_bfloat16_float(at::vec::Vectorized<BFloat16>::loadu(x + i));
    const auto [y_low, y_high] = at::vec::convert_bfloat16_float(at::vec::Vectorized<BFloat16>::loadu(y + i));
    sum = at::vec::fmadd(x_low, y_low, at::vec::fmadd(x_high, y_high, sum));
  }
  float all[Lanes::size()];
  sum.store(all);
  float total = 0;
  for (float part : all) total += part;
  for (; i < n; ++i) total += static_cast<float>(x[i]) * static_cast<float>(y[i]);
  return total;
}

// Turns scores into weights, and products of gradient and values into the scores' gradients, both in place.
void gradients_of_scores(float* scores, float* given, int64_t n, float sum, float delta) {
  const Lanes by(sum), off(delta);
  for (int64_t i = 0; i < n; i += Lanes::size()) {
    const Lanes weight = (Lanes::loadu(scores + i) - by).exp_u20();
    weight.store(scores + i);
    ((Lanes::loadu(given + i) - off) * weight).store(given + i);
  }
}

void backward_task(const Layout& layout, const Document& document, int64_t head, float scale, const at::Tensor& q,
                   const at::Tensor& k, const at::Tensor& v, const at::Tensor& result, const at::Tensor& sums,
                   const at::Tensor& gradient, at::Tensor& of_q, at::Tensor& of_k, at::Tensor& of_v) {
  const int64_t size = q.size(3), length = document.length;
  Task task(document, layout, size, scale);
  const int64_t padded = task.padded;
  const Matrix queries(q, head, document.first), keys(k, head, document.first), values(v, head, document.first);
  const Matrix given(gradient.transpose(1, 2), head, document.first);
  const Matrix results(result.transpose(1, 2), head, document.first);
  pack_transposed(keys, length, padded, size, task.keys.data());
  std::vector<BFloat16> turned_values(padded * size), packed_keys(padded * size), copy, given_copy;
  pack_transposed(values, length, padded, size, turned_values.data());
  pack_rows(keys, length, padded, size, packed_keys.data());
  std::vector<float> far_given(ROWS * padded), near_given(ROWS * padded);
  std::vector<float> sum_of_keys(size * padded, 0.f), sum_of_values(size * padded, 0.f);  // transposed
  std::vector<BFloat16> plain(ROWS * padded), packed(ROWS * padded), turned(size * ROWS), turned_given(size * ROWS);
  const float* sum_of = sums.data_ptr<float>() + head * sums.size(1) + document.first;
  const Matrix out_q(of_q, head, document.first), out_k(of_k, head, document.first), out_v(of_v, head, document.first);
  for (int64_t block = 0; block < task.blocks(); ++block) {
    const Seen s = task.seen(block);
    const int64_t rows = task.rows_of(block);
    int64_t stride, given_stride;
    const BFloat16* from = task.block_of(queries, block, copy, &stride);
    const BFloat16* gives = task.block_of(given, block, given_copy, &given_stride);
    task.score(block, from, stride, s);
    turn_block(from, stride, size, turned.data());
    turn_block(gives, given_stride, size, turned_given.data());
    float delta[ROWS];
    for (int64_t r = 0; r < rows; ++r) delta[r] = dot(gives + r * given_stride, results.row(block * ROWS + r), size);
    for (int part = 0; part < 2; ++part) {  // the prefix, then the pairs
      const int64_t columns = part ? s.near : s.far, offset = part ? s.from : 0;
      float* scores = (part ? task.near_scores : task.far_scores).data();
      float* by_values = (part ? near_given : far_given).data();
      product(ROWS, columns, size, gives, given_stride, turned_values.data() + 2 * offset, padded, by_values, columns,
              false);
      for (int64_t r = 0; r < rows; ++r)
        gradients_of_scores(scores + r * columns, by_values + r * columns, columns, sum_of[block * ROWS + r], delta[r]);
      std::fill(scores + rows * columns, scores + ROWS * columns, 0.f);
      std::fill(by_values + rows * columns, by_values + ROWS * columns, 0.f);
      pack_floats(scores, ROWS, columns, packed.data());
      product(size, columns, ROWS, turned_given.data(), ROWS, packed.data(), columns, sum_of_values.data() + offset,
              padded, true);
      pack_floats(by_values, ROWS, columns, packed.data());
      product(size, columns, ROWS, turned.data(), ROWS, packed.data(), columns, sum_of_keys.data() + offset, padded,
              true);
      to_bf16(by_values, ROWS * columns, 1.f, plain.data());
      product(ROWS, size, columns, plain.data(), columns, packed_keys.data() + offset * size, size, task.lines.data(),
              size, part == 1);
    }
    for (int64_t r = 0; r < rows; ++r)
      to_bf16(task.lines.data() + r * size, size, scale, out_q.row(block * ROWS + r));
  }
  std::vector<float> lines(length * size);
  turn(sum_of_keys.data(), size, length, padded, lines.data(), size);
  for (int64_t t = 0; t < length; ++t) to_bf16(lines.data() + t * size, size, scale, out_k.row(t));
  turn(sum_of_values.data(), size, length, padded, lines.data(), size);
  for (int64_t t = 0; t < length; ++t) to_bf16(lines.data() + t * size, size, 1.f, out_v.row(t));
}

template <typename Work>
void for_each_task(const Layout& layout, int64_t heads, const Work& work) {
  const int64_t number = layout.documents.size();
  std::exception_ptr error;  // none may leave a parallel region
#pragma omp parallel
  {
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < number * heads; ++i) {
      try {
        work(layout.documents[i / heads], i % heads);
      } catch (...) {
#pragma omp critical
        error = std::current_exception();
      }
    }
    at::native::cpublas::brgemm_release();
  }
  if (error) std::rethrow_exception(error);
}

// q, k, v: (1, heads, T, D), bf16; planes: (2, T). Returns (1, T, heads, D), bf16, and log-sums (heads, T), float32.
std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const at::Tensor& planes, double scale) {
  const Layout layout(planes.contiguous());
  at::Tensor result = at::zeros({1, q.size(2), q.size(1), q.size(3)}, q.options());
  at::Tensor sums = at::zeros({q.size(1), q.size(2)}, q.options().dtype(at::kFloat));
  for_each_task(layout, q.size(1), [&](const Document& document, int64_t head) {
    forward_task(layout, document, head, scale, q, k, v, result, sums);
  });
  return {result, sums};
}

// The gradients of q, k and v from that of the result, shapes as given.
std::tuple<at::Tensor, at::Tensor, at::Tensor> backward(const at::Tensor& gradient, const at::Tensor& q,
                                                        const at::Tensor& k, const at::Tensor& v,
                                                        const at::Tensor& result, const at::Tensor& sums,
                                                        const at::Tensor& planes, double scale) {
  const Layout layout(planes.contiguous());
  at::Tensor of_q = at::zeros(q.sizes(), q.options()), of_k = at::zeros(q.sizes(), q.options()),
             of_v = at::zeros(q.sizes(), q.options());
  for_each_task(layout, q.size(1), [&](const Document& document, int64_t head) {
    backward_task(layout, document, head, scale, q, k, v, result, sums, gradient, of_q, of_k, of_v);
  });
  return {of_q, of_k, of_v};
}

}  // namespace

TORCH_LIBRARY(t2q, library) {
  library.def("attend(Tensor q, Tensor k, Tensor v, Tensor planes, float scale) -> (Tensor, Tensor)");
  library.def(
      "attend_backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor result, Tensor sums, Tensor planes, float "
      "scale) -> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(t2q, CPU, library) {
  library.impl("attend", &forward);
  library.impl("attend_backward", &backward);
}
