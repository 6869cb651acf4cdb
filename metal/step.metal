// The optimizer step: one dispatch for all tensors of the same types, one
// threadgroup for each piece of a tensor.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "rules/rules.def"

using namespace ingot;

// A gradient as if the clipping had stored it.
template <class G>
inline float clipped(G g, Scale::Hyper<float> clip) {
  return float(G(float(g) * clip.factor * clip.rest));
}

// W, G and S are the types of parameters, gradients and state; Out is W, or float
// for rules that give an update.
template <class Rule, class W, class G, class S, class Out>
[[kernel]] void step_pieces(device const StepPiece* pieces [[buffer(0)]],
                            constant StepArgs& args [[buffer(1)]],
                            uint group [[threadgroup_position_in_grid]],
                            uint thread_index
                            [[thread_position_in_threadgroup]]) {
  const int slots = Rule::slots;
  typedef typename Rule::template Hyper<float> Hyper;
  constant Hyper& hyper = *(constant Hyper*)args.hyper;
  Scale::Hyper<float> clip = {1.0f, 1.0f};
  if (args.norm) {
    float norm = *(device const float*)args.norm;
    clip = Scale::hyper<float>({args.max_norm, norm, args.eps});
  }
  StepPiece piece = pieces[group];
  device const W* w = (device const W*)piece.in[0];
  device const G* g = (device const G*)piece.in[1];
  device Out* new_w = (device Out*)piece.out[0];
  for (ulong i = thread_index; i < piece.count; i += kGroup) {
    Element<float, slots> e;
    e.w = float(w[i]);
    for (int k = 0; k < slots; ++k) {
      e.s[k] = float(((device const S*)piece.in[2 + k])[i]);
    }
    e = Rule::step(e, clipped(g[i], clip), hyper);
    new_w[i] = Out(e.w);
    for (int k = 0; k < slots; ++k) {
      ((device S*)piece.out[1 + k])[i] = S(e.s[k]);
    }
  }
}

// One tensor with its operands bound to places, for devices that can't follow
// addresses. Places that a rule has no slot for hold the parameter.
template <class Rule, class W, class G, class S, class Out>
[[kernel]] void step_tensor(
    device const W* w [[buffer(0)]], device const G* g [[buffer(1)]],
    device const S* s0 [[buffer(2)]], device const S* s1 [[buffer(3)]],
    device Out* new_w [[buffer(4)]], device S* new_s0 [[buffer(5)]],
    device S* new_s1 [[buffer(6)]], device const float* norm [[buffer(7)]],
    constant StepTensorArgs& args [[buffer(8)]],
    uint group [[threadgroup_position_in_grid]],
    uint thread_index [[thread_position_in_threadgroup]]) {
  const int slots = Rule::slots;
  typedef typename Rule::template Hyper<float> Hyper;
  constant Hyper& hyper = *(constant Hyper*)args.hyper;
  Scale::Hyper<float> clip = {1.0f, 1.0f};
  if (args.clips) {
    clip = Scale::hyper<float>({args.max_norm, *norm, args.eps});
  }
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= args.count) return;
    Element<float, slots> e;
    e.w = float(w[i]);
    if (slots > 0) e.s[0] = float(s0[i]);
    if (slots > 1) e.s[slots > 1] = float(s1[i]);
    e = Rule::step(e, clipped(g[i], clip), hyper);
    new_w[i] = Out(e.w);
    if (slots > 0) new_s0[i] = S(e.s[0]);
    if (slots > 1) new_s1[i] = S(e.s[slots > 1]);
  }
}
