// Measures every function of metal/math.h against the double libm, prints the
// largest error in ulp and fails above the stated bound; then checks the
// special values IEEE 754 and C's Annex F prescribe.
// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <random>
#include <vector>

#include "../../metal/math.h"

namespace {

namespace fn = ingot::math;
using Samples = std::vector<float>;
std::mt19937 random_bits(7);
int failures = 0;

// Every sign and exponent with mantissas at both ends and at random, then
// uniform values around the range where most functions change.
Samples make_samples() {
  Samples x;
  for (uint32_t head = 0; head < 512; ++head) {
    for (uint32_t i = 0; i < 400; ++i) {
      uint32_t tail = i < 8 ? i : i < 16 ? 0x7fffff - (i - 8) : random_bits();
      x.push_back(ingot::as_type<float>(head << 23 | (tail & 0x7fffff)));
    }
  }
  for (float range : {1.0f, 4.0f, 20.0f, 100.0f}) {
    std::uniform_real_distribution<float> uniform(-range, range);
    for (int i = 0; i < 100000; ++i) x.push_back(uniform(random_bits));
  }
  return x;
}

// |y - exact| in units of the last place of float at `scale`.
double ulps(float y, double exact, double scale) {
  if (isnan(exact)) return isnan(y) ? 0 : INFINITY;
  float rounded = float(exact);
  if (isinf(rounded) || isinf(y)) {
    // Overflow may set in one ulp away from where the exact value does.
    double limit = 3.4028236e38;
    return y == rounded || (fabs(exact) > 0.9999999 * limit &&
                            fabs(y) > 0.9999999 * limit)
               ? 0
               : INFINITY;
  }
  int exponent;
  frexp(scale, &exponent);
  return fabs(y - exact) /
         ldexp(1.0, exponent - 24 < -149 ? -149 : exponent - 24);
}

struct Worst {
  double ulp = 0;
  float x = 0, y = 0;
};

void report(const char* name, Worst worst, double bound) {
  bool good = worst.ulp <= bound;
  failures += !good;
  printf("%-10s %8.3f ulp, bound %g, at %.9g %.9g%s\n", name, worst.ulp, bound,
         worst.x, worst.y, good ? "" : "  FAILED");
}

template <class F, class Exact>
void check(const char* name, const Samples& x, double bound, F f, Exact exact) {
  Samples y(x.size());
  for (size_t i = 0; i < x.size(); ++i) y[i] = f(x[i]);
  Worst worst;
  for (size_t i = 0; i < x.size(); ++i) {
    double e = exact(double(x[i])), u = ulps(y[i], e, e);
    if (!(u <= worst.ulp)) worst = {u, x[i], 0};
  }
  report(name, worst, bound);
}

// The sizes of the operands are related, else most results over- or underflow.
template <class F, class Exact>
void check2(const char* name, const Samples& x, const Samples& y, double bound,
            F f, Exact exact) {
  Samples z(x.size());
  for (size_t i = 0; i < x.size(); ++i) z[i] = f(x[i], y[i]);
  Worst worst;
  for (size_t i = 0; i < x.size(); ++i) {
    double scale, e = exact(double(x[i]), double(y[i]), &scale);
    double u = ulps(z[i], e, scale);
    if (!(u <= worst.ulp)) worst = {u, x[i], y[i]};
  }
  report(name, worst, bound);
}

// Inverse of erf to the precision of double, by Newton on the long double erf.
double exact_erfinv(double x) {
  if (fabs(x) >= 1) return fabs(x) == 1 ? x * INFINITY : NAN;
  long double a = fabs(x), y = a < 0.5 ? a * 0.886L : sqrt(-log1p(-a * a));
  for (int i = 0; i < 60; ++i) {
    long double error = a < 0.5L ? erfl(y) - a : (1 - a) - erfcl(y);
    long double next = y - error * 0.886226925452758013649L * expl(y * y);
    bool done = fabsl(next - y) <= 1e-17L * fabsl(y);
    y = next;
    if (done) break;
  }
  return copysign(double(y), x);
}

void check_unary(const Samples& x) {
#define CHECK(name, bound)                                  \
  check(                                                    \
      #name, x, bound, [](float v) { return fn::name(v); }, \
      [](double v) { return ::name(v); })
  CHECK(exp, 2);
  CHECK(exp2, 2);
  CHECK(expm1, 4);
  CHECK(log, 2);
  CHECK(log2, 2);
  CHECK(log10, 4);
  CHECK(log1p, 4);
  CHECK(sin, 4);
  CHECK(cos, 4);
  CHECK(tan, 4);
  CHECK(asin, 4);
  CHECK(acos, 4);
  CHECK(atan, 4);
  CHECK(sinh, 4);
  CHECK(cosh, 4);
  CHECK(tanh, 4);
  CHECK(asinh, 4);
  CHECK(acosh, 4);
  CHECK(atanh, 4);
  CHECK(erf, 4);
#undef CHECK
  auto gelu = [](double v) { return 0.5 * v * erfc(-v / sqrt(2.0)); };
  Samples right;  // of tails, whose large exponents lose digits
  for (float v : x) {
    if (!(v < -4)) right.push_back(v);
  }
  check("gelu", right, 20, [](float v) { return fn::gelu(v); }, gelu);
  check(
      "silu", right, 4, [](float v) { return fn::silu(v); },
      [](double v) { return v / (1 + ::exp(-v)); });
  auto erfinv = [](float v) { return fn::erfinv(v); };
  Samples inside;
  for (float v : x) {
    if (fabs(v) <= 1 && inside.size() < 200000) inside.push_back(v);
    if (fabs(v) < 20) inside.push_back(copysignf(1 - exp2f(-fabsf(v)), v));
  }
  check("erfinv", inside, 4, erfinv, exact_erfinv);
  auto sigmoid = [](float v) { return fn::sigmoid(v); };
  check("sigmoid", x, 4, sigmoid, [](double v) { return 1 / (1 + ::exp(-v)); });
}

void check_binary(const Samples& x) {
  Samples base, power, other;
  for (float v : x) {
    std::uniform_real_distribution<float> uniform(-150, 150);
    base.push_back(fabsf(v));
    float l = log2f(fabsf(v));
    power.push_back(isfinite(l) && l != 0 ? uniform(random_bits) / l : 2.0f);
    other.push_back(v * exp2f(0.2f * uniform(random_bits)));
  }
  auto own = [](double z, double* scale) { return *scale = z; };
  check2(
      "pow", base, power, 1, [](float a, float b) { return fn::pow(a, b); },
      [&](double a, double b, double* s) { return own(::pow(a, b), s); });
  check2(
      "atan2", x, other, 4, [](float a, float b) { return fn::atan2(a, b); },
      [&](double a, double b, double* s) { return own(::atan2(a, b), s); });
  check2(
      "fmod", x, other, 0, [](float a, float b) { return fn::fmod(a, b); },
      [&](double a, double b, double* s) { return own(::fmod(a, b), s); });
  Samples shuffled = x;
  std::shuffle(shuffled.begin(), shuffled.end(), random_bits);
  check2(
      "fmod", x, shuffled, 0, [](float a, float b) { return fn::fmod(a, b); },
      [&](double a, double b, double* s) { return own(::fmod(a, b), s); });
  // Where the sum is near 0, the error counts in units of the larger argument.
  check2(
      "logaddexp", x, other, 4,
      [](float a, float b) { return fn::logaddexp(a, b); },
      [](double a, double b, double* s) {
        double m = fmax(a, b), gap = a == b ? 0 : fabs(a - b);
        double z = isnan(a + b) && a != -b ? NAN : m + log1p(exp(-gap));
        *s = fmax(fabs(z), fabs(m));
        return z;
      });
}

void expect(const char* what, double got, double wanted) {
  bool same = isnan(wanted) ? isnan(got) : memcmp(&got, &wanted, 8) == 0;
  if (same) return;
  printf("%s: wanted %.9g, got %.9g  FAILED\n", what, wanted, got);
  ++failures;
}

template <class T>
void check_special() {
  const T inf = T(INFINITY), nan = T(NAN);
#define IS(wanted, call) expect(#call, double(fn::call), double(wanted))
  IS(1, exp(T(-0.0)));
  IS(0, exp(-inf));
  IS(inf, exp(inf));
  IS(8, exp2(T(3)));
  IS(T(-0.0), expm1(T(-0.0)));
  IS(-1, expm1(-inf));
  IS(inf, expm1(inf));
  IS(-inf, log(T(-0.0)));
  IS(nan, log(T(-1)));
  IS(inf, log(inf));
  IS(0, log(T(1)));
  IS(-3, log2(T(0.125)));
  IS(3, log10(T(1000)));
  IS(T(-0.0), log1p(T(-0.0)));
  IS(-inf, log1p(T(-1)));
  IS(nan, log1p(T(-2)));
  IS(inf, log1p(inf));
  IS(T(-0.0), sin(T(-0.0)));
  IS(nan, sin(inf));
  IS(nan, cos(-inf));
  IS(1, cos(T(0)));
  IS(T(-0.0), tan(T(-0.0)));
  IS(T(-0.0), asin(T(-0.0)));
  IS(nan, asin(T(1.5)));
  IS(0, acos(T(1)));
  IS(nan, acos(T(-1.5)));
  IS(T(-0.0), atan(T(-0.0)));
  IS(T(1.57079632679489662), atan(inf));
  IS(T(-0.0), sinh(T(-0.0)));
  IS(-inf, sinh(-inf));
  IS(inf, cosh(-inf));
  IS(T(-0.0), tanh(T(-0.0)));
  IS(-1, tanh(-inf));
  IS(T(-0.0), asinh(T(-0.0)));
  IS(-inf, asinh(-inf));
  IS(0, acosh(T(1)));
  IS(inf, acosh(inf));
  IS(nan, acosh(-inf));
  IS(-inf, atanh(T(-1)));
  IS(nan, atanh(inf));
  IS(T(-0.0), erf(T(-0.0)));
  IS(-1, erf(-inf));
  IS(T(-0.0), erfinv(T(-0.0)));
  IS(-inf, erfinv(T(-1)));
  IS(nan, erfinv(T(1.5)));
  IS(0, sigmoid(-inf));
  IS(1, sigmoid(inf));
  IS(T(0.5), sigmoid(T(0)));
  IS(inf, logaddexp(inf, inf));
  IS(-inf, logaddexp(-inf, -inf));
  IS(inf, logaddexp(-inf, inf));
  IS(nan, logaddexp(inf, nan));
  IS(9, pow(T(3), T(2)));
  IS(1594323, pow(T(3), T(13)));
  IS(-343, pow(T(-7), T(3)));
  IS(1, pow(nan, T(0)));
  IS(1, pow(T(1), nan));
  IS(nan, pow(nan, T(1)));
  IS(nan, pow(T(-8), T(0.5)));
  IS(-inf, pow(T(-0.0), T(-3)));
  IS(inf, pow(T(-0.0), T(-2)));
  IS(T(-0.0), pow(T(-0.0), T(3)));
  IS(T(-0.0), pow(-inf, T(-3)));
  IS(inf, pow(-inf, T(0.5)));
  IS(-inf, pow(-inf, T(5)));
  IS(1, pow(T(-1), inf));
  IS(0, pow(T(0.5), inf));
  IS(inf, pow(T(0.5), -inf));
  IS(T(3.14159265358979324), atan2(T(0), T(-0.0)));
  IS(T(-0.0), atan2(T(-0.0), T(0)));
  IS(T(2.35619449019234493), atan2(inf, -inf));
  IS(nan, atan2(nan, T(0)));
  IS(T(-0.0), fmod(T(-6), T(3)));
  IS(5, fmod(T(5), inf));
  IS(nan, fmod(T(5), T(0)));
  IS(nan, fmod(inf, T(5)));
#define KEEPS_NAN(name) IS(nan, name(nan))
  KEEPS_NAN(exp);
  KEEPS_NAN(exp2);
  KEEPS_NAN(expm1);
  KEEPS_NAN(log);
  KEEPS_NAN(log2);
  KEEPS_NAN(log10);
  KEEPS_NAN(log1p);
  KEEPS_NAN(sin);
  KEEPS_NAN(cos);
  KEEPS_NAN(tan);
  KEEPS_NAN(asin);
  KEEPS_NAN(acos);
  KEEPS_NAN(atan);
  KEEPS_NAN(sinh);
  KEEPS_NAN(cosh);
  KEEPS_NAN(tanh);
  KEEPS_NAN(asinh);
  KEEPS_NAN(acosh);
  KEEPS_NAN(atanh);
  KEEPS_NAN(erf);
  KEEPS_NAN(erfinv);
  KEEPS_NAN(sigmoid);
#undef KEEPS_NAN
#undef IS
}

// pow of small integers is exact, as users of x**2 expect.
void check_integer_powers() {
  for (int x = -12; x <= 12; ++x) {
    double exact = 1;
    for (int y = 0; y <= 6; ++y, exact *= x) {
      expect("integer pow", double(fn::pow(float(x), float(y))), exact);
    }
  }
}

void check_double_erfinv() {
  double worst = 0;
  for (double x = 1e-12; x < 1; x += 0.00037) {
    double exact = exact_erfinv(x);
    worst = fmax(worst, fabs(fn::erfinv(x) - exact) / exact);
  }
  bool good = worst < 1e-14;
  failures += !good;
  printf("erfinv of double: relative error %.1e%s\n", worst,
         good ? "" : "  FAILED");
}

}  // namespace

int main() {
  Samples x = make_samples();
  check_unary(x);
  check_binary(x);
  check_special<float>();
  check_special<double>();
  check_integer_powers();
  check_double_erfinv();
  printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
  return failures != 0;
}
