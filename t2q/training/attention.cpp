// Attention over a row of documents, each a prefix and pairs behind it: a token sees its document's prefix and its own
// pair, as far as they stand before it. Forward and backward for bf16, with softmax in float32, one document and head a
// task: its scores never leave the core's cache. The products are PyTorch's (oneDNN's brgemm, on AMX where there is one).
//
// The way of computing is that of FlashAttention-2 (Dao, 2023): scores are computed again in the backward pass from the
// saved logarithms of their sums, delta = sum(gradient * result) stands for softmax's own part.

#include <ATen/ATen.h>
#include <ATen/cpu/vec/functional.h>
#include <ATen/cpu/vec/vec.h>
#include <ATen/native/CPUBlas.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using at::BFloat16;
using Lanes = at::vec::Vectorized<float>;
using Halves = at::vec::Vectorized<BFloat16>;

constexpr int64_t LANES = Lanes::size();
constexpr int64_t ROWS = 64;    // queries a block
constexpr int64_t CHUNK = 128;  // columns of a piece, at most; all lie as far apart, so that few products are compiled
constexpr int64_t ROUND = 32;   // columns are computed in multiples of it, for the same reason
constexpr float NEVER = -std::numeric_limits<float>::infinity();

int64_t rounded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

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

// The same of its transpose, CHUNK columns after CHUNK columns. Two columns of one row, side by side, are 32 bits already.
void pack_transposed(const Matrix& x, int64_t rows, int64_t columns, BFloat16* out) {
  auto* words = reinterpret_cast<float*>(out);
  for (int64_t first = 0; first < rows; first += CHUNK, words += columns / 2 * CHUNK) {
    const int64_t here = std::min(CHUNK, rows - first);
    turn(reinterpret_cast<const float*>(x.row(first)), here, columns / 2, x.stride / 2, words, CHUNK);
    for (int64_t c = 0; c < columns / 2; ++c) std::fill(words + c * CHUNK + here, words + (c + 1) * CHUNK, 0.f);
  }
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

void to_bf16(const float* x, int64_t n, float scale, BFloat16* out) {
  auto* to = reinterpret_cast<uint16_t*>(out);
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint16_t>(upper(x[i] * scale) >> 16);
}

void product(int64_t m, int64_t n, int64_t k, const BFloat16* a, int64_t lda, const BFloat16* b, int64_t ldb, float* c,
             int64_t ldc, bool add) {
  at::native::cpublas::brgemm(m, n, k, lda, ldb, ldc, add, a, b, c);
}

// Room that a thread has for its tasks, one after the other: it grows, and what it holds is not cleared.
template <typename T>
class Room {
 public:
  T* of(int64_t n) {
    if (n > size_) {
      data_.reset(new T[n]);
      size_ = n;
    }
    return data_.get();
  }

 private:
  std::unique_ptr<T[]> data_;
  int64_t size_ = 0;
};

struct Rooms {
  Room<float> scores, given, of_keys, of_values, lines;
  Room<BFloat16> keys, values, packed_keys, queries, gradient, weights, of_scores, packed, turned, turned_gradient;
};

// Columns that a block of queries looks at: `width` from `low` on, in a chunk of them. Far ones are the prefix's.
struct Piece {
  bool far;
  int64_t chunk, low, width;
  int64_t first() const { return chunk * CHUNK + low; }
};

// One document and head: where its blocks of queries look. Scores lie piece by piece, ROWS x CHUNK each.
class Task {
 public:
  Task(const Document& document, const Layout& layout)
      : padded(rounded(document.length, CHUNK)), most(2 * (padded / CHUNK) + 1), at_(document), layout_(layout) {}

  int64_t blocks() const { return (at_.length + ROWS - 1) / ROWS; }
  int64_t rows_of(int64_t block) const { return std::min(ROWS, at_.length - block * ROWS); }

  const std::vector<Piece>& look(int64_t block) {
    const int64_t first = block * ROWS, end = first + rows_of(block);
    pieces_.clear();
    cut(true, 0, rounded(std::min(end, at_.prefix), ROUND));
    if (end > at_.prefix)
      cut(false, own_start(std::max(first, at_.prefix)) / ROUND * ROUND, rounded(end, ROUND));
    return pieces_;
  }

  // The columns of a piece that a query sees: from the first to before the second.
  std::pair<int64_t, int64_t> visible(const Piece& piece, int64_t token) const {
    const bool own = token >= at_.prefix;
    const int64_t low = piece.far ? 0 : own ? own_start(token) : token + 1;
    const int64_t high = piece.far ? std::min(token + 1, at_.prefix) : token + 1;
    const int64_t from = std::clamp<int64_t>(low - piece.first(), 0, piece.width);
    return {from, std::clamp<int64_t>(high - piece.first(), from, piece.width)};
  }

  // Products of a block of queries with the keys of each piece, NEVER where a query does not see a key.
  void score(int64_t block, const BFloat16* queries, int64_t stride, int64_t size, const BFloat16* keys,
             float* scores) const {
    for (const Piece& piece : pieces_) {
      product(ROWS, piece.width, size, queries, stride, keys + piece.chunk * size * CHUNK + 2 * piece.low, CHUNK, scores,
              CHUNK, false);
      for (int64_t r = 0; r < rows_of(block); ++r) {
        const auto [low, high] = visible(piece, block * ROWS + r);
        std::fill(scores + r * CHUNK, scores + r * CHUNK + low, NEVER);
        std::fill(scores + r * CHUNK + high, scores + r * CHUNK + piece.width, NEVER);
      }
      scores += ROWS * CHUNK;
    }
  }

  // A block of rows that brgemm can read: as it lies, or filled up with zeros.
  const BFloat16* block_of(const Matrix& x, int64_t block, int64_t size, BFloat16* copy, int64_t* stride) const {
    const int64_t rows = rows_of(block);
    if (rows == ROWS) {
      *stride = x.stride;
      return x.row(block * ROWS);
    }
    for (int64_t r = 0; r < rows; ++r) std::copy_n(x.row(block * ROWS + r), size, copy + r * size);
    std::fill(copy + rows * size, copy + ROWS * size, BFloat16(0));
    *stride = size;
    return copy;
  }

  const int64_t padded;  // columns, in whole chunks
  const int64_t most;    // pieces of a block

 private:
  int64_t own_start(int64_t token) const { return layout_.pair_start[at_.first + token] - at_.first; }

  void cut(bool far, int64_t from, int64_t end) {
    while (from < end) {
      const int64_t chunk = from / CHUNK, next = std::min(end, (chunk + 1) * CHUNK);
      pieces_.push_back({far, chunk, from - chunk * CHUNK, next - from});
      from = next;
    }
  }

  const Document& at_;
  const Layout& layout_;
  std::vector<Piece> pieces_;
};

float sum_of_lanes(const Lanes& x) {
  return at::vec::vec_reduce_all<float>([](const Lanes& a, const Lanes& b) { return a + b; }, x);
}

// Turns a row of scores, in pieces, into bf16 weights that are still to be divided by their sum. Gives the sum's
// logarithm, with the scores' scale, and its inverse.
std::pair<float, float> softmax_row(const std::vector<Piece>& pieces, const float* scores, float scale,
                                    BFloat16* weights) {
  Lanes most(NEVER);
  for (size_t p = 0; p < pieces.size(); ++p)
    for (int64_t c = 0; c < pieces[p].width; c += LANES)
      most = at::vec::maximum(most, Lanes::loadu(scores + p * ROWS * CHUNK + c));
  const float highest =
      scale * at::vec::vec_reduce_all<float>([](const Lanes& a, const Lanes& b) { return at::vec::maximum(a, b); }, most);
  const Lanes by(scale), off(-highest);
  Lanes sum(0.f);
  for (size_t p = 0; p < pieces.size(); ++p)
    for (int64_t c = 0; c < pieces[p].width; c += 2 * LANES) {
      const float* x = scores + p * ROWS * CHUNK + c;
      const Lanes low = at::vec::fmadd(Lanes::loadu(x), by, off).exp_u20();
      const Lanes high = at::vec::fmadd(Lanes::loadu(x + LANES), by, off).exp_u20();
      sum = sum + low + high;
      at::vec::convert_from_float<BFloat16>(low, high).store(weights + p * ROWS * CHUNK + c);
    }
  const float total = sum_of_lanes(sum);
  return {highest + std::log(total), 1 / total};
}

void forward_task(Rooms& rooms, const Layout& layout, const Document& document, int64_t head, float scale,
                  const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, at::Tensor& result, at::Tensor& sums) {
  const int64_t size = q.size(3);
  Task task(document, layout);
  const Matrix queries(q, head, document.first), keys(k, head, document.first), values(v, head, document.first);
  BFloat16 *packed_keys = rooms.keys.of(task.padded * size), *packed_values = rooms.values.of(task.padded * size);
  BFloat16 *copy = rooms.queries.of(ROWS * size), *weights = rooms.weights.of(task.most * ROWS * CHUNK);
  float *scores = rooms.scores.of(task.most * ROWS * CHUNK), *lines = rooms.lines.of(ROWS * size);
  pack_transposed(keys, document.length, size, packed_keys);
  pack_rows(values, document.length, task.padded, size, packed_values);
  float* sum_of = sums.data_ptr<float>() + head * sums.size(1) + document.first;
  BFloat16* out = result.data_ptr<BFloat16>() + document.first * result.stride(1) + head * size;
  for (int64_t block = 0; block < task.blocks(); ++block) {
    const std::vector<Piece>& pieces = task.look(block);
    int64_t stride;
    const BFloat16* from = task.block_of(queries, block, size, copy, &stride);
    task.score(block, from, stride, size, packed_keys, scores);
    const int64_t rows = task.rows_of(block);
    float inverse[ROWS];
    for (int64_t r = 0; r < rows; ++r)
      std::tie(sum_of[block * ROWS + r], inverse[r]) =
          softmax_row(pieces, scores + r * CHUNK, scale, weights + r * CHUNK);
    for (size_t p = 0; p < pieces.size(); ++p) {
      BFloat16* own = weights + p * ROWS * CHUNK;
      std::fill(own + rows * CHUNK, own + ROWS * CHUNK, BFloat16(0));
      product(ROWS, size, pieces[p].width, own, CHUNK, packed_values + pieces[p].first() * size, size, lines, size, p > 0);
    }
    for (int64_t r = 0; r < rows; ++r)
      to_bf16(lines + r * size, size, inverse[r], out + (block * ROWS + r) * result.stride(1));
  }
}

float dot(const BFloat16* x, const BFloat16* y, int64_t n) {
  Lanes sum(0.f);
  int64_t i = 0;
  for (; i + Halves::size() <= n; i += Halves::size()) {
    const auto [x_low, x_high] = at::vec::convert_bfloat16_float(Halves::loadu(x + i));
    const auto [y_low, y_high] = at::vec::convert_bfloat16_float(Halves::loadu(y + i));
    sum = at::vec::fmadd(x_low, y_low, at::vec::fmadd(x_high, y_high, sum));
  }
  float total = sum_of_lanes(sum);
  for (; i < n; ++i) total += static_cast<float>(x[i]) * static_cast<float>(y[i]);
  return total;
}

// Two rows as brgemm wants them: pairs of bf16, interleaved.
void store_pairs(const Lanes& even, const Lanes& odd, BFloat16* out) {
  const auto both = at::vec::interleave2(even, odd);
  at::vec::convert_from_float<BFloat16>(both.first, both.second).store(out);
}

// A piece's scores and products of gradient and values, turned into weights and the scores' gradients: both as pairs of
// rows, the latter also row by row. `sums` and `deltas`: of the rows.
void gradients_of_scores(const float* scores, const float* given, int64_t width, float scale, const float* sums,
                         const float* deltas, BFloat16* weights, BFloat16* packed, BFloat16* plain) {
  const Lanes by(scale);
  for (int64_t r = 0; r < ROWS; r += 2) {
    const Lanes sum[2] = {Lanes(-sums[r]), Lanes(-sums[r + 1])}, delta[2] = {Lanes(deltas[r]), Lanes(deltas[r + 1])};
    for (int64_t c = 0; c < width; c += 2 * LANES) {
      Lanes weight[2][2], slope[2][2];
      for (int row = 0; row < 2; ++row) {
        const int64_t at = (r + row) * CHUNK + c;
        for (int half = 0; half < 2; ++half) {
          weight[row][half] = at::vec::fmadd(Lanes::loadu(scores + at + half * LANES), by, sum[row]).exp_u20();
          slope[row][half] = (Lanes::loadu(given + at + half * LANES) - delta[row]) * weight[row][half];
        }
        at::vec::convert_from_float<BFloat16>(slope[row][0], slope[row][1]).store(plain + at);
      }
      for (int half = 0; half < 2; ++half) {
        const int64_t to = r * CHUNK + 2 * (c + half * LANES);
        store_pairs(weight[0][half], weight[1][half], weights + to);
        store_pairs(slope[0][half], slope[1][half], packed + to);
      }
    }
  }
}

// Sums that lie transposed, chunk by chunk, as rows of bf16.
void turn_back(const float* sums, int64_t rows, int64_t size, float scale, float* lines, const Matrix& out) {
  for (int64_t first = 0; first < rows; first += CHUNK) {
    const int64_t here = std::min(CHUNK, rows - first);
    turn(sums + first * size, size, here, CHUNK, lines, size);
    for (int64_t t = 0; t < here; ++t) to_bf16(lines + t * size, size, scale, out.row(first + t));
  }
}

void backward_task(Rooms& rooms, const Layout& layout, const Document& document, int64_t head, float scale,
                   const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& result,
                   const at::Tensor& sums, const at::Tensor& gradient, at::Tensor& of_q, at::Tensor& of_k,
                   at::Tensor& of_v) {
  const int64_t size = q.size(3), length = document.length;
  Task task(document, layout);
  const int64_t padded = task.padded, room = task.most * ROWS * CHUNK;
  const Matrix queries(q, head, document.first), keys(k, head, document.first), values(v, head, document.first);
  const Matrix given(gradient.transpose(1, 2), head, document.first);
  const Matrix results(result.transpose(1, 2), head, document.first);
  const Matrix out_q(of_q, head, document.first), out_k(of_k, head, document.first), out_v(of_v, head, document.first);
  BFloat16 *turned_keys = rooms.keys.of(padded * size), *turned_values = rooms.values.of(padded * size);
  BFloat16* packed_keys = rooms.packed_keys.of(padded * size);
  BFloat16 *copy = rooms.queries.of(ROWS * size), *given_copy = rooms.gradient.of(ROWS * size);
  BFloat16 *turned = rooms.turned.of(ROWS * size), *turned_given = rooms.turned_gradient.of(ROWS * size);
  BFloat16 *weights = rooms.weights.of(ROWS * CHUNK), *plain = rooms.of_scores.of(ROWS * CHUNK);
  BFloat16* packed = rooms.packed.of(ROWS * CHUNK);
  float *all_scores = rooms.scores.of(room), *by_values = rooms.given.of(ROWS * CHUNK);
  float *sum_of_keys = rooms.of_keys.of(padded * size), *sum_of_values = rooms.of_values.of(padded * size);
  float* lines = rooms.lines.of(std::max(ROWS, CHUNK) * size);
  pack_transposed(keys, length, size, turned_keys);
  pack_transposed(values, length, size, turned_values);
  pack_rows(keys, length, padded, size, packed_keys);
  std::fill_n(sum_of_keys, padded * size, 0.f);
  std::fill_n(sum_of_values, padded * size, 0.f);
  const float* sum_of = sums.data_ptr<float>() + head * sums.size(1) + document.first;
  for (int64_t block = 0; block < task.blocks(); ++block) {
    const std::vector<Piece>& pieces = task.look(block);
    const int64_t rows = task.rows_of(block);
    int64_t stride, given_stride;
    const BFloat16* from = task.block_of(queries, block, size, copy, &stride);
    const BFloat16* gives = task.block_of(given, block, size, given_copy, &given_stride);
    task.score(block, from, stride, size, turned_keys, all_scores);
    turn_block(from, stride, size, turned);
    turn_block(gives, given_stride, size, turned_given);
    float sum[ROWS], delta[ROWS];
    for (int64_t r = 0; r < ROWS; ++r) {  // a row that is none has weights of zero
      sum[r] = r < rows ? sum_of[block * ROWS + r] : -NEVER;
      delta[r] = r < rows ? dot(gives + r * given_stride, results.row(block * ROWS + r), size) : 0.f;
    }
    for (size_t p = 0; p < pieces.size(); ++p) {
      const Piece& piece = pieces[p];
      const int64_t place = piece.chunk * size * CHUNK + piece.low;
      product(ROWS, piece.width, size, gives, given_stride, turned_values + place + piece.low, CHUNK, by_values, CHUNK,
              false);
      gradients_of_scores(all_scores + p * ROWS * CHUNK, by_values, piece.width, scale, sum, delta, weights, packed,
                          plain);
      product(size, piece.width, ROWS, turned_given, ROWS, weights, CHUNK, sum_of_values + place, CHUNK, true);
      product(size, piece.width, ROWS, turned, ROWS, packed, CHUNK, sum_of_keys + place, CHUNK, true);
      product(ROWS, size, piece.width, plain, CHUNK, packed_keys + piece.first() * size, size, lines, size, p > 0);
    }
    for (int64_t r = 0; r < rows; ++r) to_bf16(lines + r * size, size, scale, out_q.row(block * ROWS + r));
  }
  turn_back(sum_of_keys, length, size, scale, lines, out_k);
  turn_back(sum_of_values, length, size, 1.f, lines, out_v);
}

template <typename Work>
void for_each_task(const Layout& layout, int64_t heads, const Work& work) {
  const int64_t number = layout.documents.size();
  std::exception_ptr error;  // none may leave a parallel region
#pragma omp parallel
  {
    Rooms rooms;
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < number * heads; ++i) {
      try {
        work(rooms, layout.documents[i / heads], i % heads);
      } catch (...) {
#pragma omp critical
        error = std::current_exception();
      }
    }
    at::native::cpublas::brgemm_release();
  }
  if (error) std::rethrow_exception(error);
}

// Zeros for the tokens of no document, which no task writes. x: (1, heads, T, D), planes: (2, T).
void clear_filling(const at::Tensor& x, const at::Tensor& planes) {
  for (int64_t t = 0; t < planes.size(1); ++t) {
    if (planes.data_ptr<int64_t>()[t] >= 0) continue;
    for (int64_t head = 0; head < x.size(1); ++head) std::fill_n(Matrix(x, head, t).data, x.size(3), BFloat16(0));
  }
}

// q, k, v: (1, heads, T, D), bf16; planes: (2, T). Returns (1, T, heads, D), bf16, and log-sums (heads, T), float32.
std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                           const at::Tensor& given_planes, double scale) {
  const at::Tensor planes = given_planes.contiguous();
  const Layout layout(planes);
  at::Tensor result = at::empty({1, q.size(2), q.size(1), q.size(3)}, q.options());
  at::Tensor sums = at::empty({q.size(1), q.size(2)}, q.options().dtype(at::kFloat));
  clear_filling(result.transpose(1, 2), planes);
  for_each_task(layout, q.size(1), [&](Rooms& rooms, const Document& document, int64_t head) {
    forward_task(rooms, layout, document, head, scale, q, k, v, result, sums);
  });
  return {result, sums};
}

// The gradients of q, k and v from that of the result, shapes as given.
std::tuple<at::Tensor, at::Tensor, at::Tensor> backward(const at::Tensor& gradient, const at::Tensor& q,
                                                        const at::Tensor& k, const at::Tensor& v,
                                                        const at::Tensor& result, const at::Tensor& sums,
                                                        const at::Tensor& given_planes, double scale) {
  const at::Tensor planes = given_planes.contiguous();
  const Layout layout(planes);
  at::Tensor of_q = at::empty(q.sizes(), q.options()), of_k = at::empty(q.sizes(), q.options()),
             of_v = at::empty(q.sizes(), q.options());
  for (const at::Tensor& of : {of_q, of_k, of_v}) clear_filling(of, planes);
  for_each_task(layout, q.size(1), [&](Rooms& rooms, const Document& document, int64_t head) {
    backward_task(rooms, layout, document, head, scale, q, k, v, result, sums, gradient, of_q, of_k, of_v);
  });
  return {of_q, of_k, of_v};
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(t2q, library) {
  library.def("attend(Tensor q, Tensor k, Tensor v, Tensor planes, float scale) -> (Tensor, Tensor)");
  library.def(
      "attend_backward(Tensor gradient, Tensor q, Tensor k, Tensor v, Tensor result, Tensor sums, Tensor planes, float "
      "scale) -> (Tensor, Tensor, Tensor)");
}

TORCH_LIBRARY_IMPL(t2q, CPU, library) {
  library.impl("attend", &forward);
  library.impl("attend_backward", &backward);
}
