// Arguments of kernels: the same structs for the host that fills them and the
// kernels that read them.
// SPDX-License-Identifier: MIT
#pragma once
#include "order.h"
#include "shim.h"

namespace ingot {

// Threads of a threadgroup, and elements that each takes: neighbours at a time,
// so that a group touches whole cache lines.
enum { kGroup = 256, kEach = 4, kGroupElements = kGroup * kEach };

// Dimensions of a strided operand, once those that can be have been merged.
enum { kMaxDims = 8, kMaxOperands = 4 };

// Contiguous operands, or single numbers.
struct FlatArgs {
  uint64_t size;
  uint32_t steps[kMaxOperands];  // of each operand: 1, or 0 for a single number
};

// Operands of any layout, in elements; dimensions from the outermost.
struct StridedArgs {
  uint64_t size;
  int64_t shape[kMaxDims];
  int64_t strides[kMaxOperands][kMaxDims];
  int32_t ndim;
  int32_t operands;
};

// Of a chain: of each array that it reads; its results are contiguous.
enum { kMaxChainSources = 30 };
struct ChainArgs {
  uint64_t size;
  int64_t shape[kMaxDims];
  int64_t strides[kMaxChainSources][kMaxDims];
  int32_t ndim;
};

struct FillArgs {
  uint64_t size;
  uint64_t bits;  // the number, in its lowest bytes
};

// A float64, which GPUs do not have: size * 2^exponent with a sign, size at most
// 2^53.
struct Float64 {
  uint64_t size;
  int32_t exponent;
  uint32_t negative;
};

struct ArangeArgs {
  uint64_t size;
  Float64 start, step;
};

struct EyeArgs {
  uint64_t size, columns;
  int64_t diagonal;
  uint64_t one;  // as in FillArgs
};

// A draw x becomes x * scale + shift; truncated normals are then multiplied by
// root and kept in [low, high].
struct DrawArgs {
  uint64_t size;
  uint64_t key_stride;
  float scale, shift, root, low, high;
};

// out = alpha * a @ b + beta * out for a batch of matrices; strides in elements.
struct MatmulArgs {
  uint32_t m, n, k;
  int32_t ndim;  // of the batch
  int64_t a_row, a_column, b_row, b_column;
  int64_t shape[kMaxDims], a_batch[kMaxDims], b_batch[kMaxDims];
  float alpha, beta;
};

// Sums of products of `pairs` of matrices: those of a lie a_matrix elements apart,
// those of b b_matrix. The batch of the product is one axis of results.
struct GatherMatmulArgs {
  MatmulArgs product;
  uint64_t pairs;
  int64_t a_matrix, b_matrix;
};

// Rows and columns of a tile of the product, and the depth it moves on by; a
// threadgroup has four simdgroups, one for each quarter of the tile.
enum {
  kTileSide = 64,
  kTileDepth = 16,
  kTileThreads = 128,
  kTileElements = kTileSide * kTileSide,
  kSliceElements = kTileSide * kTileDepth,
};

// A convolution, see Convolution in csrc/families.h. Arrays of any layout: strides
// in elements, of three spatial dimensions each. A group has `channels` of x and
// of the weight, and `outputs`.
enum { kSpatial = 3 };
struct ConvArgs {
  uint64_t size;  // of out
  uint32_t channels, outputs, groups;
  int32_t input[kSpatial], taps[kSpatial], positions[kSpatial];
  int32_t stride[kSpatial], low[kSpatial];
  int32_t kernel_dilation[kSpatial], input_dilation[kSpatial];
  int64_t x_batch, x_group, x_channel, x_spatial[kSpatial];
  int64_t weight_output, weight_channel, weight_spatial[kSpatial];
  int64_t out_batch, out_channel, out_spatial[kSpatial];
};

// One result for each element of the kept axes; `count` elements are folded into
// it, those with numbers part * chunk to (part + 1) * chunk in each of `parts`.
struct ReduceArgs {
  uint64_t results, count, chunk;
  uint32_t parts;
  uint32_t center_step;  // 1 where each result has its own center, or 0
  int32_t kept, folded;  // axes
  float scale;           // of a sum, see Finish in reduce.metal
  int64_t kept_shape[kMaxDims], kept_strides[kMaxDims];
  int64_t folded_shape[kMaxDims], folded_strides[kMaxDims];
};

// Lines of `count` elements: in x those of one lie `stride` apart, in out they lie
// `inner` apart, behind which the next axes' elements come. In each of `parts` are
// those with numbers part * chunk to (part + 1) * chunk.
struct ScanArgs {
  uint64_t lines, count, inner, chunk;
  int64_t stride;
  uint32_t parts;
  uint32_t reverse, inclusive;
  int32_t ndim;  // of the lines
  int64_t shape[kMaxDims], strides[kMaxDims];
};

// Rows of `length` elements. A threadgroup sorts `rows` whole ones, or one of the
// `blocks` of a long one; then runs of `width` are merged.
struct SortArgs {
  uint64_t size, length, width;
  uint32_t rows, blocks;
  Order<uint64_t> order;
};

// `size` values are looked for, `each` of them among `length` elements in order;
// those equal to one come before its place if `ties`.
struct SearchArgs {
  uint64_t size, length, each;
  Order<uint64_t> order;
  uint32_t ties;
};

// Rows of `count` elements brought to one scale, see Normalization in
// csrc/families.h: of x and, for gradients, of the cotangent. Vectors are the
// weight and the bias.
enum { kNormalizedX, kCotangent };
struct NormalizeArgs {
  StridedArgs rows;  // of x and of the cotangent: where each begins
  uint64_t count;    // elements of a row
  int64_t steps[2];  // from one to the next, of x and of the cotangent
  int64_t weight_step, bias_step;
  float root_eps;
  uint32_t centered;
  uint32_t weighted, biased;  // whether there are such
  // For gradients: whether that of x is wanted; the blocks of rows whose parts
  // of the other two are added up first, and the rows of one.
  uint32_t wants_x;
  uint32_t blocks;
  uint64_t block_rows;
};

// Scores of kSide queries (rows) and kSide keys are computed at once, one by each
// thread; of a row of a result it keeps every kSide-th number, kKept at most.
enum { kSide = 16, kKept = 16 };
enum {
  kAttentionQ,
  kAttentionK,
  kAttentionV,
  kAttentionMask,
  kAttentionCotangent,
  kAttentionOperands,
};
// See Attention in csrc/families.h; strides are of the three dimensions of the
// heads, of rows and of columns.
struct AttentionArgs {
  uint64_t queries, keys;
  int64_t heads[3];
  int64_t strides[kAttentionOperands][5];
  uint32_t depth, values;
  uint32_t mask;  // a MaskKind
  float scale;
};

// Rows of `features`, the first 2 `pairs` of which turn; there are `length` rows
// of tables, and as many for each `batch` rows of x where that is not 0.
struct RopeArgs {
  StridedArgs x;
  uint64_t features, pairs, length, batch;
  uint32_t neighbours;
};

// Numbers in few bits, see Quantization in csrc/families.h: a thread packs a group
// of w, which may have any layout, or unpacks an element.
struct QuantizeArgs {
  StridedArgs w;
  uint64_t groups;
  uint32_t group;  // elements
};

// Products of rows of x, k elements each, with rows of such numbers: a simdgroup
// takes one of these and up to kSharing of x, in each of `matrices`.
enum { kSharing = 4 };
struct QuantizedDotArgs {
  uint64_t matrices, m, n, k;
  uint32_t group;
};

// out[p, w] = x at the place that the indices of position p name, plus w; see
// Gather in csrc/families.h. Along the `others` positions count themselves.
enum { kMaxIndexed = 4 };
struct GatherArgs {
  uint64_t size, window;  // elements of out, and of a window
  int32_t indexed, window_ndim, others_ndim;
  int64_t sizes[kMaxIndexed], places[kMaxIndexed], strides[kMaxIndexed];
  int64_t window_shape[kMaxDims], window_strides[kMaxDims];
  int64_t others_shape[kMaxDims], others_strides[kMaxDims];
};

// What a kernel says of an index that is out of range: how many there were, and
// of the one that came first the axis (its number among those indexed) and the
// two halves of its value.
enum { kFaultWords = 4 };

// Addresses in tables, of contiguous elements.
#if INGOT_METAL
typedef device const uint8_t* ReadAddress;
typedef device uint8_t* WriteAddress;
#else
typedef uint64_t ReadAddress;
typedef uint64_t WriteAddress;
#endif

// Elements that one threadgroup of a step takes.
enum { kStepElements = 16 * kGroupElements };
enum { kStepMaxSlots = 2 };

// Part of one tensor: where its operands and results begin.
struct StepPiece {
  ReadAddress in[2 + kStepMaxSlots];
  WriteAddress out[1 + kStepMaxSlots];
  uint64_t count;
};

// Part of one array that is copied.
struct CopyPiece {
  ReadAddress in;
  WriteAddress out;
  uint64_t count;
};

// Part of one array of a norm.
struct NormPiece {
  ReadAddress in;
  uint64_t count;
};

struct NormArgs {
  uint64_t count;  // of pieces, or of partial results
  float scale;
};

// The numbers of a step: the settings of clipping, if any, and the rule's Hyper.
enum { kStepMaxHyper = 16 };
struct StepArgs {
  ReadAddress norm;  // a float, or null: nothing is clipped
  float max_norm, eps;
  float hyper[kStepMaxHyper];
};

// One tensor of a step whose operands are bound one by one, the norm as well.
struct StepTensorArgs {
  uint64_t count;
  uint32_t clips;
  float max_norm, eps;
  float hyper[kStepMaxHyper];
};

// A tensor of Adafactor's step, as in csrc/ops/adafactor.h. A threadgroup takes
// kRounds times as many rows as its threads hold at once, each in one column.
// Sums of squared gradients lie in one array, those of a tensor's first matrix
// at row_sums and column_sums: [part][row] and [part][column] for each matrix.
enum { kRounds = 64, kSimd = 32, kSimds = kGroup / kSimd };
struct AdafactorRecord {
  ReadAddress w, g, row, column, mean;
  WriteAddress new_w, new_row, new_column, new_mean;
  uint64_t count, rows, columns;  // elements; of one matrix
  uint64_t row_sums, column_sums;
  uint64_t first_tile, tiles;  // its own among those of all tensors
  uint32_t width;              // columns of a tile, a multiple of kSimd
  uint32_t row_parts, column_parts;
  uint32_t factored, means;
};

// What one threadgroup works on: a tile, or kGroup places of the moments.
struct AdafactorPiece {
  uint64_t matrix;
  uint32_t tensor;
  uint32_t part;
  uint32_t columns;  // whether these are moments of columns
};

// What self_test.metal tries: `cases` triples of numbers, and whether it may
// follow an address.
struct SelfTestArgs {
  uint32_t cases;
  uint32_t follow;
};
enum { kSelfTestResults = 4 };

}  // namespace ingot
