// What the kernels need and Swift cannot express.
//
// Everything here is static inline, so that each kernel module compiles its own copy with its own CPU features and no
// symbol is shared between modules. The structures are C so that all kernel modules speak of the same types.

#ifndef CKERNELSHIMS_H
#define CKERNELSHIMS_H

#include <stdbool.h>
#include <stdint.h>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

/// Sixteen floats: one register with AVX-512, two with AVX2, four with SSE2 and NEON.
typedef float xent_float16 __attribute__((ext_vector_type(16)));
typedef double xent_double16 __attribute__((ext_vector_type(16)));
typedef double xent_double8 __attribute__((ext_vector_type(8)));
typedef int32_t xent_int16 __attribute__((ext_vector_type(16)));
typedef bool xent_mask16 __attribute__((ext_vector_type(16)));
typedef int64_t xent_int16x64 __attribute__((ext_vector_type(16)));

#if defined(__x86_64__)
// What this CPU has and the operating system saves on a switch of threads: the compiler's runtime looks at both.

static inline __attribute__((swift_name("cpuHasAVX2()"))) bool xent_cpu_has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static inline __attribute__((swift_name("cpuHasAVX512()"))) bool xent_cpu_has_avx512(void) {
  return xent_cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
#endif

// Arithmetic on whole vectors. Swift's own operators work lane by lane, and the optimiser does not put sixteen lanes
// together again.

static inline __attribute__((always_inline, swift_name("xentAdd(_:_:)"))) xent_float16
xent_add(xent_float16 a, xent_float16 b) { return a + b; }

static inline __attribute__((always_inline, swift_name("xentSubtract(_:_:)"))) xent_float16
xent_subtract(xent_float16 a, xent_float16 b) { return a - b; }

static inline __attribute__((always_inline, swift_name("xentMultiply(_:_:)"))) xent_float16
xent_multiply(xent_float16 a, xent_float16 b) { return a * b; }

static inline __attribute__((always_inline, swift_name("xentDivide(_:_:)"))) xent_float16
xent_divide(xent_float16 a, xent_float16 b) { return a / b; }

static inline __attribute__((always_inline, swift_name("xentAdd(_:_:)"))) xent_double16
xent_add_wide(xent_double16 a, xent_double16 b) { return a + b; }

static inline __attribute__((always_inline, swift_name("xentSubtract(_:_:)"))) xent_double16
xent_subtract_wide(xent_double16 a, xent_double16 b) { return a - b; }

static inline __attribute__((always_inline, swift_name("xentMultiply(_:_:)"))) xent_double16
xent_multiply_wide(xent_double16 a, xent_double16 b) { return a * b; }

static inline __attribute__((always_inline, swift_name("xentDivide(_:_:)"))) xent_double16
xent_divide_wide(xent_double16 a, xent_double16 b) { return a / b; }

static inline __attribute__((always_inline, swift_name("xentAdd(_:_:)"))) xent_double8
xent_add_eight(xent_double8 a, xent_double8 b) { return a + b; }

static inline __attribute__((always_inline, swift_name("xentAdd(_:_:)"))) xent_int16
xent_add_integers(xent_int16 a, xent_int16 b) { return a + b; }

/// `a * b + c`, rounded once where the machine has an instruction for it, else twice.
static inline __attribute__((always_inline, swift_name("multiplyAdd(_:_:_:)"))) xent_float16
xent_multiply_add(xent_float16 a, xent_float16 b, xent_float16 c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

static inline __attribute__((always_inline, swift_name("multiplyAdd(_:_:_:)"))) xent_double16
xent_multiply_add_wide(xent_double16 a, xent_double16 b, xent_double16 c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/// The larger of each pair of lanes, and `b` where `a` is NaN. Swift's `pointwiseMax` calls a function for each lane;
/// this form is one instruction a register. Of two vectors of widened f16 the optimiser would choose among the f16, and widen
/// them once more, were the instruction not named.
static inline __attribute__((always_inline, swift_name("larger(_:_:)"))) xent_float16
xent_larger(xent_float16 a, xent_float16 b) {
#if defined(__AVX512F__)
  typedef float float16 __attribute__((vector_size(64)));
  return (xent_float16)__builtin_ia32_maxps512((float16)a, (float16)b, 4 /* the rounding as it is */);
#elif defined(__AVX__)
  typedef float float8 __attribute__((vector_size(32)));
  xent_float16 result;
  result.lo = __builtin_ia32_maxps256((float8)a.lo, (float8)b.lo);
  result.hi = __builtin_ia32_maxps256((float8)a.hi, (float8)b.hi);
  return result;
#else
  return a > b ? a : b;
#endif
}

/// The larger of each pair of lanes, and `b` where `a` is NaN.
static inline __attribute__((always_inline, swift_name("larger(_:_:)"))) xent_double16
xent_larger_wide(xent_double16 a, xent_double16 b) {
  return a > b ? a : b;
}

/// The smaller of each pair of lanes, and `b` where either is NaN.
static inline __attribute__((always_inline, swift_name("smaller(_:_:)"))) xent_float16
xent_smaller(xent_float16 a, xent_float16 b) {
  return a < b ? a : b;
}

/// The smaller of each pair of lanes, and `b` where either is NaN.
static inline __attribute__((always_inline, swift_name("smaller(_:_:)"))) xent_double16
xent_smaller_wide(xent_double16 a, xent_double16 b) {
  return a < b ? a : b;
}

/// In each lane `yes` where `a > b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:isGreaterThan:yes:no:)"))) xent_float16
xent_select_greater(xent_float16 a, xent_float16 b, xent_float16 yes, xent_float16 no) {
  return a > b ? yes : no;
}

/// In each lane `yes` where `a > b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:isGreaterThan:yes:no:)"))) xent_double16
xent_select_greater_wide(xent_double16 a, xent_double16 b, xent_double16 yes, xent_double16 no) {
  return a > b ? yes : no;
}

/// In each lane `yes` where `a > b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:isGreaterThan:yes:no:)"))) xent_int16
xent_select_integers_greater(xent_float16 a, xent_float16 b, xent_int16 yes, xent_int16 no) {
  return a > b ? yes : no;
}

/// In each lane `yes` where `a > b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:isGreaterThan:yes:no:)"))) xent_int16
xent_select_integers_greater_wide(xent_double16 a, xent_double16 b, xent_int16 yes, xent_int16 no) {
  return __builtin_convertvector(a > b, xent_int16) ? yes : no;
}

/// In each lane `yes` where `a == b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:equals:yes:no:)"))) xent_float16
xent_select_equal_integers(xent_int16 a, xent_int16 b, xent_float16 yes, xent_float16 no) {
  return a == b ? yes : no;
}

/// In each lane `yes` where `a == b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:equals:yes:no:)"))) xent_double16
xent_select_equal_integers_wide(xent_int16 a, xent_int16 b, xent_double16 yes, xent_double16 no) {
  typedef int64_t int16x64 __attribute__((ext_vector_type(16)));
  return __builtin_convertvector(a == b, int16x64) ? yes : no;
}

/// In each lane `yes` where `a < b`, else `no`.
static inline __attribute__((always_inline, swift_name("select(_:isLessThan:yes:no:)"))) xent_double16
xent_select_less_wide(xent_double16 a, xent_double16 b, xent_double16 yes, xent_double16 no) {
  return a < b ? yes : no;
}

// Holds the compiler to the order in which vectors are written down. Where there are more vectors than registers it puts off
// what nothing waits for, such as sums, and keeps all their terms: a processor then has nothing but additions to do for longer
// than it looks ahead. With AVX-512 all fit; SSE2 and NEON are left to the compiler.
#if defined(__AVX2__) && !defined(__AVX512F__)
#define XENT_PIN(v)                                                                                                    \
  __typeof__((v).lo) low = (v).lo, high = (v).hi;                                                                      \
  __asm__ volatile("" : "+x"(low), "+x"(high));                                                                        \
  (v).lo = low;                                                                                                        \
  (v).hi = high;
#else
#define XENT_PIN(v)
#endif

/// The vector itself, computed here, neither earlier nor later.
static inline __attribute__((always_inline, swift_name("pinned(_:)"))) xent_float16
xent_pinned(xent_float16 v) {
  XENT_PIN(v)
  return v;
}

/// The vector itself, computed here, neither earlier nor later.
static inline __attribute__((always_inline, swift_name("pinned(_:)"))) xent_double8
xent_pinned_eight(xent_double8 v) {
  XENT_PIN(v)
  return v;
}
#undef XENT_PIN

/// Whether the registers hold what four exponentials side by side take, and their constants: the sixteen of AVX2 do not.
static inline __attribute__((always_inline, swift_name("hasRegistersForFour()"))) bool
xent_has_registers_for_four(void) {
#if defined(__AVX512F__)
  return true;
#else
  return false;
#endif
}

/// Tells the processor that this thread looks for what another one writes.
static inline __attribute__((swift_name("pauseProcessor()"))) void xent_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Has the cache line at an address read, which may lie outside of what the process has.
static inline __attribute__((always_inline, swift_name("prefetch(_:)"))) void xent_prefetch(const void *_Nonnull p) {
  __builtin_prefetch(p, 0, 3);
}

/// The same, but no nearer than the second cache: many more lines can be on their way to it than to the first.
static inline __attribute__((always_inline, swift_name("prefetchFar(_:)"))) void xent_prefetch_far(const void *_Nonnull p) {
  __builtin_prefetch(p, 0, 2);
}

/// The same with AVX-512 alone, for f32 logits of long rows: with AVX2 the instruction costs them more than it gains.
static inline __attribute__((always_inline, swift_name("prefetchFarWithAVX512(_:)"))) void
xent_prefetch_far_with_avx512(const void *_Nonnull p) {
#if defined(__AVX512F__)
  xent_prefetch_far(p);
#endif
}

/// A type of logits. Not an enumeration: each module would emit its metadata as weak symbols.
typedef int32_t xent_logit_format __attribute__((swift_name("LogitFormat")));
#define XENT_FORMAT_F32 0
#define XENT_FORMAT_F16 1
#define XENT_FORMAT_BF16 2
#define XENT_FORMAT_F64 3

// `count` consecutive logits of 16 or 32 bits as floats, exactly. By way of pointers: a function in C that calls another one with a vector
// wider than the machine's is warned of.
#define XENT_LOAD_FLOATS(count)                                                                                        \
  typedef uint16_t xent_ushort##count __attribute__((ext_vector_type(count)));                                         \
  typedef float xent_float##count __attribute__((ext_vector_type(count)));                                             \
  static inline __attribute__((always_inline)) void xent_load_f16_##count(const void *_Nonnull p,                      \
                                                                          xent_float##count *_Nonnull floats) {        \
    xent_ushort##count bits;                                                                                           \
    __builtin_memcpy(&bits, p, sizeof bits);                                                                           \
    XENT_WIDEN_F16(count)                                                                                              \
  }                                                                                                                    \
  static inline __attribute__((always_inline)) void xent_load_bf16_##count(const void *_Nonnull p,                     \
                                                                           xent_float##count *_Nonnull floats) {       \
    typedef uint32_t wide __attribute__((ext_vector_type(count)));                                                     \
    xent_ushort##count bits;                                                                                           \
    __builtin_memcpy(&bits, p, sizeof bits);                                                                           \
    *floats = (xent_float##count)(__builtin_convertvector(bits, wide) << 16);                                          \
  }                                                                                                                    \
  static inline __attribute__((always_inline)) void xent_load_floats_##count(                                          \
      const void *_Nonnull p, xent_logit_format format, xent_float##count *_Nonnull floats) {                          \
    if (format == XENT_FORMAT_F32) {                                                                                   \
      __builtin_memcpy(floats, p, sizeof *floats);                                                                     \
    } else if (format == XENT_FORMAT_F16) {                                                                            \
      xent_load_f16_##count(p, floats);                                                                                \
    } else {                                                                                                           \
      xent_load_bf16_##count(p, floats);                                                                               \
    }                                                                                                                  \
  }
#if defined(__F16C__) || defined(__aarch64__)
#define XENT_WIDEN_F16(count)                                                                                          \
  typedef _Float16 half __attribute__((ext_vector_type(count)));                                                       \
  *floats = __builtin_convertvector((half)bits, xent_float##count);
#else
// The bits are moved to where a float has them, and the product mends the exponent, also of subnormal values.
#define XENT_WIDEN_F16(count)                                                                                          \
  typedef uint32_t wide __attribute__((ext_vector_type(count)));                                                       \
  wide word = __builtin_convertvector(bits, wide);                                                                     \
  wide magnitude = (wide)((xent_float##count)((word & 0x7fff) << 13) * 0x1p112f);                                      \
  wide special = (wide)((word & 0x7c00) == 0x7c00) & 0x7f800000;                                                       \
  *floats = (xent_float##count)(magnitude | special | (word & 0x8000) << 16);
#endif
XENT_LOAD_FLOATS(16)
XENT_LOAD_FLOATS(8)
XENT_LOAD_FLOATS(4)
#undef XENT_LOAD_FLOATS
#undef XENT_WIDEN_F16

/// Sixteen f16 values as floats, exactly.
static inline __attribute__((always_inline, swift_name("widened(f16:)"))) xent_float16
xent_widened_f16(xent_ushort16 bits) {
  xent_float16 floats;
  xent_load_f16_16(&bits, &floats);
  return floats;
}

/// Sixteen bf16 values as floats, exactly.
static inline __attribute__((always_inline, swift_name("widened(bf16:)"))) xent_float16
xent_widened_bf16(xent_ushort16 bits) {
  xent_float16 floats;
  xent_load_bf16_16(&bits, &floats);
  return floats;
}

// Copies sixteen elements of 16 to 64 bits, but has `fill` in place of those from `first` up to `end`, which may lie outside. Whole
// vectors are stored, as they will be loaded: a load that spans two stores waits until both have reached the cache, behind
// everything before them.
#define XENT_COPY_LANES(bits)                                                                                        \
  static inline __attribute__((always_inline, swift_name("copyLanes" #bits "(from:to:first:end:fill:)"))) void       \
  xent_copy_lanes_##bits(const void *_Nonnull from, void *_Nonnull to, int16_t first, int16_t end,                   \
                         uint##bits##_t fill) {                                                                      \
    typedef uint##bits##_t vector __attribute__((ext_vector_type(16)));                                              \
    typedef int##bits##_t mask __attribute__((ext_vector_type(16)));                                                 \
    const mask lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};                                        \
    vector v;                                                                                                        \
    __builtin_memcpy(&v, from, sizeof v);                                                                            \
    const mask isFilled = (lane >= (int##bits##_t)first) & (lane < (int##bits##_t)end);                              \
    v = isFilled ? (vector)fill : v;                                                                                 \
    __builtin_memcpy(to, &v, sizeof v);                                                                              \
  }
XENT_COPY_LANES(16)
XENT_COPY_LANES(32)
XENT_COPY_LANES(64)
#undef XENT_COPY_LANES

/// Eight columns of sixteen rows of logits, none of them f64, by way of whole vectors: reads eight elements of each row, the first
/// at `first` and at each `stride` bytes behind it, and writes sixteen floats for each column, columns 64 bytes apart.
static inline __attribute__((always_inline, swift_name("loadEightColumns(_:format:stride:into:)"))) void
xent_load_eight_columns(const void *_Nonnull first, xent_logit_format format, intptr_t stride, void *_Nonnull columns) {
  for (int half = 0; half < 2; ++half) {
    const char *p = (const char *)first + half * 8 * stride;
    xent_float8 r[8], a[8], b[8];
    for (int i = 0; i < 8; ++i) xent_load_floats_8(p + i * stride, format, &r[i]);
    for (int i = 0; i < 8; i += 2) {
      a[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
      a[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
      b[i] = __builtin_shufflevector(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 1] = __builtin_shufflevector(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
      b[i + 2] = __builtin_shufflevector(a[i + 1], a[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
      b[i + 3] = __builtin_shufflevector(a[i + 1], a[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    for (int i = 0; i < 4; ++i) {
      xent_float8 low = __builtin_shufflevector(b[i], b[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
      xent_float8 high = __builtin_shufflevector(b[i], b[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
      __builtin_memcpy((char *)columns + i * 64 + half * 32, &low, sizeof low);
      __builtin_memcpy((char *)columns + (i + 4) * 64 + half * 32, &high, sizeof high);
    }
  }
}

/// Four columns, from four elements of each row.
static inline __attribute__((always_inline, swift_name("loadFourColumns(_:format:stride:into:)"))) void
xent_load_four_columns(const void *_Nonnull first, xent_logit_format format, intptr_t stride, void *_Nonnull columns) {
  for (int half = 0; half < 2; ++half) {
    const char *p = (const char *)first + half * 8 * stride;
    xent_float4 r[8];
    for (int i = 0; i < 8; ++i) xent_load_floats_4(p + i * stride, format, &r[i]);
    xent_float8 q[4];
    for (int i = 0; i < 4; ++i) q[i] = __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 4, 5, 6, 7);
    xent_float8 a = __builtin_shufflevector(q[0], q[1], 0, 8, 1, 9, 4, 12, 5, 13);
    xent_float8 b = __builtin_shufflevector(q[2], q[3], 0, 8, 1, 9, 4, 12, 5, 13);
    xent_float8 c = __builtin_shufflevector(q[0], q[1], 2, 10, 3, 11, 6, 14, 7, 15);
    xent_float8 d = __builtin_shufflevector(q[2], q[3], 2, 10, 3, 11, 6, 14, 7, 15);
    xent_float8 out[4] = {
        __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13), __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15),
        __builtin_shufflevector(c, d, 0, 1, 8, 9, 4, 5, 12, 13), __builtin_shufflevector(c, d, 2, 3, 10, 11, 6, 7, 14, 15)};
    for (int i = 0; i < 4; ++i) __builtin_memcpy((char *)columns + i * 64 + half * 32, &out[i], sizeof out[i]);
  }
}

/// The two columns of sixteen rows of two floats.
static inline __attribute__((always_inline, swift_name("loadTwoColumns(_:into:)"))) void
xent_load_two_columns(const void *_Nonnull first, void *_Nonnull columns) {
  xent_float16 a, b;
  __builtin_memcpy(&a, first, sizeof a);
  __builtin_memcpy(&b, (const char *)first + sizeof a, sizeof b);
  xent_float16 even =
      __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  xent_float16 odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  __builtin_memcpy(columns, &even, sizeof even);
  __builtin_memcpy((char *)columns + sizeof even, &odd, sizeof odd);
}

/// Four columns of sixteen rows of doubles, by way of whole vectors: reads four elements of each row, the first at `first` and at
/// each `stride` bytes behind it, and writes sixteen for each column, columns 128 bytes apart.
static inline __attribute__((always_inline, swift_name("loadFourWideColumns(_:stride:into:)"))) void
xent_load_four_wide_columns(const void *_Nonnull first, intptr_t stride, void *_Nonnull columns) {
  typedef double double4 __attribute__((ext_vector_type(4)));
  for (int quarter = 0; quarter < 4; ++quarter) {
    const char *p = (const char *)first + quarter * 4 * stride;
    double4 r[4];
    for (int i = 0; i < 4; ++i) __builtin_memcpy(&r[i], p + i * stride, sizeof r[i]);
    double4 a = __builtin_shufflevector(r[0], r[1], 0, 4, 2, 6);
    double4 b = __builtin_shufflevector(r[2], r[3], 0, 4, 2, 6);
    double4 c = __builtin_shufflevector(r[0], r[1], 1, 5, 3, 7);
    double4 d = __builtin_shufflevector(r[2], r[3], 1, 5, 3, 7);
    double4 out[4] = {__builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(c, d, 0, 1, 4, 5),
                      __builtin_shufflevector(a, b, 2, 3, 6, 7), __builtin_shufflevector(c, d, 2, 3, 6, 7)};
    for (int i = 0; i < 4; ++i) __builtin_memcpy((char *)columns + i * 128 + quarter * 32, &out[i], sizeof out[i]);
  }
}

/// The largest of sixteen lanes, none of which is NaN.
static inline __attribute__((always_inline, swift_name("largestLane(_:)"))) float
xent_largest_lane(xent_float16 v) {
  typedef float float8 __attribute__((ext_vector_type(8)));
  typedef float float4 __attribute__((ext_vector_type(4)));
  float8 eight = v.lo > v.hi ? v.lo : v.hi;
  float4 four = eight.lo > eight.hi ? eight.lo : eight.hi;
  float a = four.x > four.y ? four.x : four.y;
  float b = four.z > four.w ? four.z : four.w;
  return a > b ? a : b;
}

/// The largest of sixteen lanes, none of which is NaN.
static inline __attribute__((always_inline, swift_name("largestLane(_:)"))) double
xent_largest_lane_wide(xent_double16 v) {
  typedef double double8 __attribute__((ext_vector_type(8)));
  typedef double double4 __attribute__((ext_vector_type(4)));
  double8 eight = v.lo > v.hi ? v.lo : v.hi;
  double4 four = eight.lo > eight.hi ? eight.lo : eight.hi;
  double a = four.x > four.y ? four.x : four.y;
  double b = four.z > four.w ? four.z : four.w;
  return a > b ? a : b;
}

/// One bit for each lane in which the two are equal, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("equalLanes(_:_:)"))) uint16_t
xent_equal_lanes_wide(xent_double16 a, xent_double16 b) {
  xent_mask16 mask = __builtin_convertvector(a == b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane in which the two are equal, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("equalLanes(_:_:)"))) uint16_t
xent_equal_lanes(xent_float16 a, xent_float16 b) {
  xent_mask16 mask = __builtin_convertvector(a == b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane in which `a > b`, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("greaterLanes(_:_:)"))) uint16_t
xent_greater_lanes(xent_float16 a, xent_float16 b) {
  xent_mask16 mask = __builtin_convertvector(a > b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane in which `a > b`, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("greaterLanes(_:_:)"))) uint16_t
xent_greater_lanes_wide(xent_double16 a, xent_double16 b) {
  xent_mask16 mask = __builtin_convertvector(a > b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane in which `a <= b`, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("lanes(_:areAtMost:)"))) uint16_t
xent_at_most_lanes(xent_double16 a, xent_double16 b) {
  xent_mask16 mask = __builtin_convertvector(a <= b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane that is at least 0, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("nonnegativeLanes(_:)"))) uint16_t
xent_nonnegative_lanes(xent_int16 v) {
  xent_mask16 mask = __builtin_convertvector(v >= 0, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// What stands for the class of a row that is ignored; that of one without a good label is -1.
static const int32_t xent_ignored_class __attribute__((swift_name("ignoredClass"))) = -2;

// Sixteen integer labels as classes: `xent_ignored_class` of those that are `ignored` if `ignores`, else -1 of those that are
// not less than `limit`, which is at most 2^31.
#define XENT_READ_CLASSES(kind, type)                                                                                  \
  static inline __attribute__((always_inline, swift_name("classes(" #kind ":limit:ignored:ignores:)"))) xent_int16     \
  xent_read_classes_##kind(const void *_Nonnull labels, int64_t limit, int64_t ignored, bool ignores) {                \
    typedef type label16 __attribute__((ext_vector_type(16)));                                                         \
    typedef int64_t int16x64 __attribute__((ext_vector_type(16)));                                                     \
    label16 narrow;                                                                                                    \
    __builtin_memcpy(&narrow, labels, sizeof narrow);                                                                  \
    int16x64 wide = __builtin_convertvector(narrow, int16x64);                                                         \
    int16x64 isIgnored = (wide == ignored) & (ignores ? -1ll : 0);                                                     \
    int16x64 isGood = (wide < limit) & (wide > -1) & ~isIgnored;                                                       \
    return __builtin_convertvector((wide | ~isGood) + isIgnored, xent_int16);                                          \
  }
XENT_READ_CLASSES(u8, uint8_t)
XENT_READ_CLASSES(u16, uint16_t)
XENT_READ_CLASSES(u32, uint32_t)
XENT_READ_CLASSES(i32, int32_t)
XENT_READ_CLASSES(i64, int64_t)
#undef XENT_READ_CLASSES

/// One bit for each lane in which the two are equal, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("equalLanes(_:_:)"))) uint16_t
xent_equal_lanes_int(xent_int16 a, xent_int16 b) {
  xent_mask16 mask = __builtin_convertvector(a == b, xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One more in each lane in which the two are equal.
static inline __attribute__((always_inline, swift_name("count(_:whereEqual:_:)"))) xent_int16
xent_count_where_equal(xent_int16 counts, xent_int16 a, xent_int16 b) {
  return counts - (a == b);
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// Here a comparison makes whole vectors, and bits of sixteen lanes are some ten instructions: where only all of them count, one vector
// is made of them first.

/// Whether all lanes are set. By a pointer: vectors this long have no place among a call's registers, of which the compiler warns.
static inline __attribute__((always_inline)) bool xent_are_all_set(const xent_int16x64 *_Nonnull mask) {
  typedef double double4 __attribute__((vector_size(32)));
  typedef int64_t int8x64 __attribute__((ext_vector_type(8)));
  int8x64 eight = mask->lo & mask->hi;
  return __builtin_ia32_movmskpd256((double4)(eight.lo & eight.hi)) == 0xf;
}
#endif

/// Whether every lane of `v` is at most `most`, which no NaN is, and none of `labels` is less than 0.
static inline __attribute__((always_inline, swift_name("areGood(_:atMost:_:)"))) bool
xent_are_good(xent_double16 v, double most, xent_int16 labels) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  typedef float float8 __attribute__((vector_size(32)));
  xent_int16x64 atMost = v <= most;
  return xent_are_all_set(&atMost) && __builtin_ia32_movmskps256((float8)(labels.lo | labels.hi)) == 0;
#else
  xent_mask16 atMost = __builtin_convertvector(v <= most, xent_mask16);
  xent_mask16 nonnegative = __builtin_convertvector(labels >= 0, xent_mask16);
  uint16_t atMostBits, nonnegativeBits;
  __builtin_memcpy(&atMostBits, &atMost, sizeof atMostBits);
  __builtin_memcpy(&nonnegativeBits, &nonnegative, sizeof nonnegativeBits);
  return (atMostBits & nonnegativeBits) == 0xffff;
#endif
}

/// The lanes whose bits are set, the lowest for lane 0, and 0 in the others.
static inline __attribute__((always_inline, swift_name("lanes(_:whereSet:)"))) xent_double16
xent_lanes_where_set(xent_double16 v, uint16_t bits) {
  typedef int64_t int16x64 __attribute__((ext_vector_type(16)));
  xent_mask16 mask;
  __builtin_memcpy(&mask, &bits, sizeof mask);
  return __builtin_convertvector(mask, int16x64) != 0 ? v : 0;
}

/// One bit for each lane that is finite and at least 0, the lowest for lane 0.
static inline __attribute__((always_inline, swift_name("finiteNonnegativeLanes(_:)"))) uint16_t
xent_finite_nonnegative_lanes(xent_double16 v) {
  xent_mask16 mask = __builtin_convertvector((v >= 0) & (v <= __DBL_MAX__), xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// One bit for each lane whose maximum has at most this magnitude, and whose sum is at least `least`; no NaN does. The lowest
/// is for lane 0.
static inline __attribute__((always_inline, swift_name("ordinaryLanes(maxima:atMost:sums:least:)"))) uint16_t
xent_ordinary_lanes(xent_float16 maxima, float most, xent_double16 sums, double least) {
  xent_mask16 finite = __builtin_convertvector((maxima <= most) & (maxima >= -most), xent_mask16);
  xent_mask16 numbers = __builtin_convertvector(sums >= least, xent_mask16);
  uint16_t finiteBits, numberBits;
  __builtin_memcpy(&finiteBits, &finite, sizeof finiteBits);
  __builtin_memcpy(&numberBits, &numbers, sizeof numberBits);
  return finiteBits & numberBits;
}

/// Whether all lanes are what `ordinaryLanes` finds.
static inline __attribute__((always_inline, swift_name("areOrdinary(maxima:atMost:sums:least:)"))) bool
xent_are_ordinary(xent_float16 maxima, float most, xent_double16 sums, double least) {
  xent_int16 finite = (maxima <= most) & (maxima >= -most);
  xent_int16x64 complete = sums >= least;
#if defined(__AVX2__) && !defined(__AVX512F__)
  typedef float float8 __attribute__((vector_size(32)));
  return __builtin_ia32_movmskps256((float8)(finite.lo & finite.hi)) == 0xff && xent_are_all_set(&complete);
#else
  xent_mask16 finiteMask = __builtin_convertvector(finite, xent_mask16);
  xent_mask16 completeMask = __builtin_convertvector(complete, xent_mask16);
  uint16_t finiteBits, completeBits;
  __builtin_memcpy(&finiteBits, &finiteMask, sizeof finiteBits);
  __builtin_memcpy(&completeBits, &completeMask, sizeof completeBits);
  return (finiteBits & completeBits) == 0xffff;
#endif
}

/// One bit for each lane whose maximum has at most this magnitude, and whose sum is at least `least`; no NaN does. The lowest
/// is for lane 0.
static inline __attribute__((always_inline, swift_name("ordinaryLanes(maxima:atMost:sums:least:)"))) uint16_t
xent_ordinary_lanes_wide(xent_double16 maxima, double most, xent_double16 sums, double least) {
  xent_mask16 mask = __builtin_convertvector((maxima <= most) & (maxima >= -most) & (sums >= least), xent_mask16);
  uint16_t bits;
  __builtin_memcpy(&bits, &mask, sizeof bits);
  return bits;
}

/// Sixteen floats as doubles, exactly. Swift's initialiser converts lane by lane.
static inline __attribute__((always_inline, swift_name("widened(_:)"))) xent_double16
xent_widened(xent_float16 v) {
  return __builtin_convertvector(v, xent_double16);
}

/// Sixteen doubles, each rounded to the nearest float.
static inline __attribute__((always_inline, swift_name("narrowed(_:)"))) xent_float16
xent_narrowed(xent_double16 v) {
  return __builtin_convertvector(v, xent_float16);
}

#if defined(__AVX2__) || defined(__aarch64__)
/// In each lane the element of `table` that the lowest three bits of `index` name; the table is eight elements, twice.
static inline __attribute__((always_inline, swift_name("looked(upIn:at:)"))) xent_float16
xent_looked_up(xent_float16 table, xent_float16 index) {
#if defined(__AVX512F__)
  typedef float float16 __attribute__((vector_size(64)));
  typedef int int16 __attribute__((vector_size(64)));
  return (xent_float16)__builtin_ia32_permvarsf512((float16)table, (int16)index);
#elif defined(__AVX2__)
  typedef float float8 __attribute__((vector_size(32)));
  typedef int int8 __attribute__((vector_size(32)));
  xent_float16 result;
  result.lo = __builtin_ia32_permvarsf256((float8)table.lo, (int8)index.lo);
  result.hi = __builtin_ia32_permvarsf256((float8)table.hi, (int8)index.hi);
  return result;
#else
  // Bytes are looked up: those of element i are 4 i to 4 i + 3.
  typedef uint32_t uint16x32 __attribute__((ext_vector_type(16)));
  const uint16x32 places = ((uint16x32)index & 7) * 0x04040404 + 0x03020100;
  const uint8x16x2_t bytes = {{(uint8x16_t)table.lo.lo, (uint8x16_t)table.lo.hi}};
  xent_float16 result;
  typedef float float4 __attribute__((ext_vector_type(4)));
  result.lo.lo = (float4)vqtbl2q_u8(bytes, (uint8x16_t)places.lo.lo);
  result.lo.hi = (float4)vqtbl2q_u8(bytes, (uint8x16_t)places.lo.hi);
  result.hi.lo = (float4)vqtbl2q_u8(bytes, (uint8x16_t)places.hi.lo);
  result.hi.hi = (float4)vqtbl2q_u8(bytes, (uint8x16_t)places.hi.hi);
  return result;
#endif
}
#endif

// Nodes of the exponential: floats of few bits, whose exponent field and first mantissa bits stand in the low bits of each
// lane, as the rounding to an integer leaves them there. The field is that of a double, so small that it is one of a
// float as well.
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define XENT_NODE_SHIFT 17 /* three bits of mantissa: eight nodes a power of two */
#else
#define XENT_NODE_SHIFT 20 /* powers of two */
#endif
typedef uint32_t xent_uint16x32 __attribute__((ext_vector_type(16)));
typedef uint64_t xent_uint8x64 __attribute__((ext_vector_type(8)));

/// The nodes of the even lanes as doubles, each `2^-896` times what it is as a float.
static inline __attribute__((always_inline, swift_name("evenNodes(_:)"))) xent_double8
xent_even_nodes(xent_float16 bits) {
  return (xent_double8)((xent_uint8x64)bits << (32 + XENT_NODE_SHIFT));
}

/// The nodes of the odd lanes as doubles, each `2^-896` times what it is as a float.
static inline __attribute__((always_inline, swift_name("oddNodes(_:)"))) xent_double8
xent_odd_nodes(xent_float16 bits) {
#if defined(__AVX512F__)
  // Shifted under a mask that keeps the odd lanes: written as below, it is two instructions.
  uint16_t odd = 0xaaaa;
  __asm__("" : "+k"(odd));
  typedef int int16 __attribute__((vector_size(64)));
  int16 shifted = __builtin_ia32_pslldi512((int16)bits, XENT_NODE_SHIFT);
  return (xent_double8)__builtin_ia32_selectd_512(odd, shifted, (int16){0});
#elif defined(__AVX2__)
  // Each lane has a shift of its own: what is shifted by 32 is gone.
  typedef int int8 __attribute__((vector_size(32)));
  const int8 shifts = {32, XENT_NODE_SHIFT, 32, XENT_NODE_SHIFT, 32, XENT_NODE_SHIFT, 32, XENT_NODE_SHIFT};
  xent_float16 shifted;
  typedef float float8 __attribute__((ext_vector_type(8)));
  shifted.lo = (float8)__builtin_ia32_psllv8si((int8)bits.lo, shifts);
  shifted.hi = (float8)__builtin_ia32_psllv8si((int8)bits.hi, shifts);
  return (xent_double8)shifted;
#else
  return (xent_double8)((xent_uint8x64)((xent_uint16x32)bits << XENT_NODE_SHIFT) & 0xffffffff00000000);
#endif
}

/// The nodes as floats.
static inline __attribute__((always_inline, swift_name("floatNodes(_:)"))) xent_float16
xent_float_nodes(xent_float16 bits) {
  return (xent_float16)((xent_uint16x32)bits << (XENT_NODE_SHIFT + 3));
}

/// Even and odd lanes, put back in their places.
static inline __attribute__((always_inline, swift_name("interleaved(_:_:)"))) xent_double16
xent_interleaved(xent_double8 even, xent_double8 odd) {
  return __builtin_shufflevector(even, odd, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

/// Floats whose exponent fields are the low bits of `fields`: powers of two, `2^(field - 127)`.
static inline __attribute__((always_inline, swift_name("powersOfTwo(fields:)"))) xent_float16
xent_powers_of_two(xent_float16 fields) {
  typedef uint32_t uint16x32 __attribute__((ext_vector_type(16)));
  return (xent_float16)((uint16x32)fields << 23);
}

static inline __attribute__((always_inline, swift_name("negated(_:)"))) xent_float16
xent_negated(xent_float16 v) { return -v; }

/// Each lane without its sign.
static inline __attribute__((always_inline, swift_name("magnitudes(_:)"))) xent_float16
xent_magnitudes(xent_float16 v) {
  return __builtin_elementwise_abs(v);
}

static inline __attribute__((always_inline, swift_name("magnitudes(_:)"))) xent_double16
xent_magnitudes_wide(xent_double16 v) {
  return __builtin_elementwise_abs(v);
}

/// The doubles whose exponent fields stand in the low twelve bits of each lane.
static inline __attribute__((always_inline, swift_name("powersOfTwo(fields:)"))) xent_double16
xent_powers_of_two_wide(xent_double16 fields) {
  typedef uint64_t uint16x64 __attribute__((ext_vector_type(16)));
  return (xent_double16)((uint16x64)fields << 52);
}

/// The exponent of each lane, which is positive and normal, as a double.
static inline __attribute__((always_inline, swift_name("exponents(_:)"))) xent_double16
xent_exponents(xent_double16 v) {
  typedef uint64_t uint16x64 __attribute__((ext_vector_type(16)));
  // The exponent field becomes the low bits of a double next to 2^52: no machine before AVX-512 converts 64-bit integers.
  return (xent_double16)(((uint16x64)v >> 52) | 0x4330000000000000) - (0x1p52 + 1023);
}

/// A power of two next to each quotient `a / b >= 1`, which is 0.66 to 1.51 times that. Of a positive double the bits are the logarithm, less
/// at most 0.0861 of a power of two: the difference of two is rounded.
static inline __attribute__((always_inline, swift_name("powersOfTwo(nextTo:over:)"))) xent_double16
xent_powers_of_two_next_to(xent_double16 a, xent_double16 b) {
  typedef uint64_t uint16x64 __attribute__((ext_vector_type(16)));
  const uint16x64 half = 0x0008000000000000;
  return (xent_double16)((((uint16x64)a - (uint16x64)b + half) & 0x7ff0000000000000) + 0x3ff0000000000000);
}

/// Each lane of `v` divided by the power of two of the same lane of `like`; all are positive and normal.
static inline __attribute__((always_inline, swift_name("reduced(_:byExponentOf:)"))) xent_double16
xent_reduced(xent_double16 v, xent_double16 like) {
  typedef uint64_t uint16x64 __attribute__((ext_vector_type(16)));
  return (xent_double16)((uint16x64)v - ((uint16x64)like & 0x7ff0000000000000) + 0x3ff0000000000000);
}

/// A type of integer labels.
typedef int32_t xent_integer_label_format __attribute__((swift_name("IntegerLabelFormat")));
#define XENT_LABEL_U8 0
#define XENT_LABEL_U16 1
#define XENT_LABEL_U32 2
#define XENT_LABEL_I32 3
#define XENT_LABEL_I64 4

/// What is done to each logit before everything else: it is divided by the temperature, then the softcap k makes it
/// k tanh(logit / k). Infinities stay what they are.
typedef struct {
  /// 1 for none; else an f32.
  double temperature;
  /// 0 for none.
  double softcap;
} xent_logit_transform __attribute__((swift_name("LogitTransform")));

/// What one block of a row's logits comes to, after the transform. The exponentials of the block, its first maximum left out, add up to
/// `scaledSum * 2^power * exp(center)`, once the sum is corrected for `excess`.
typedef struct {
  /// The largest logit that is not NaN; -infinity where there is none.
  double maximum;
  /// The same before the transform.
  double rawMaximum;
  /// NaN where a logit is NaN.
  double scaledSum;
  /// An integer: the power of two next to exp(maximum - center).
  double power;
  /// 0, or the maximum where that is very large or not finite.
  double center;
  /// By what part of itself each exponent was taken too small: 0 for a sum that is right as it is.
  double excess;
  /// The class of the first maximum before the transform, which can make others equal to it.
  int64_t argmax;
} xent_block_summary __attribute__((swift_name("BlockSummary")));

/// What one row of logits comes to, after the transform.
typedef struct {
  /// The largest logit; NaN where a logit is NaN.
  double maximum;
  /// log1p of the sum of exp(logit - maximum) over all classes but `argmax`; 0 unless `maximum` is finite.
  double logSum;
  /// The class of the first maximum before the transform; of the first NaN where there is one; 0 where every logit is -infinity.
  int64_t argmax;
} xent_row_summary __attribute__((swift_name("RowSummary")));

/// The summaries of consecutive rows, one element a row in each array, and room for whole groups of sixteen.
typedef struct {
  double *_Nonnull maxima;
  double *_Nonnull logSums;
  int32_t *_Nonnull argmaxes;
  /// The logit of each row's class after the transform, where classes are given; any number where the class is -1.
  double *_Nonnull labelLogits;
} xent_row_summaries __attribute__((swift_name("RowSummaries")));

/// What rows weigh, and what is added to their losses.
typedef struct {
  /// One f32 a row; null for 1. Need not be aligned.
  const void *_Nullable sampleWeights;
  /// One f32 a class, finite and not negative; null for 1. Need not be aligned.
  const void *_Nullable classWeights;
  /// What the square of the log-sum-exp is multiplied by.
  double zLoss;
  /// How much the loss of the label's class counts: 1 where there are no sums over classes to add to it, 0 of probabilities.
  double labelShare;
} xent_row_weighting __attribute__((swift_name("RowWeighting")));

/// A sum, and what its additions rounded away.
typedef struct {
  double total;
  double lost;
} xent_exact_total __attribute__((swift_name("ExactTotal")));

/// What the ordinary ones of some rows come to.
typedef struct {
  /// Of losses times sample weights.
  xent_exact_total losses;
  /// Of sample weights times class weights; 0 where rows have none, and each weighs 1.
  xent_exact_total weights;
  /// Of the parts of the losses that the z-loss made, times sample weights.
  xent_exact_total zTerms;
  int64_t count;
  /// Of those whose largest logit is the label's.
  int64_t correctCount;
  /// Rows that are ignored, which are ordinary and add nothing.
  int64_t ignoredCount;
} xent_ordinary_sums __attribute__((swift_name("OrdinarySums")));

/// How much each class of a row counts in a sum over all classes:
/// `classWeight * (labelShare * probability + uniformShare)`.
typedef struct {
  /// One f32 a class; null for 1. None need be aligned.
  const void *_Nullable classWeights;
  /// One probability a class; null for 0.
  const void *_Nullable probabilities;
  /// The type of the probabilities.
  xent_logit_format probabilityFormat;
  double labelShare;
  double uniformShare;
} xent_class_shares __attribute__((swift_name("ClassShares")));

/// Sums over all classes of a row.
typedef struct {
  /// Of share times (maximum - logit), at least 0: infinite where a class that counts has the logit -infinity.
  double gaps;
  /// Of shares.
  double shares;
  /// Of probabilities.
  double probabilities;
  /// The class of the first largest probability.
  int64_t argmax;
  /// How many probabilities are negative or not finite.
  int64_t badCount;
} xent_class_sums __attribute__((swift_name("ClassSums")));

/// Whether a row's probabilities are such, and sum to 1 but for the tolerance.
static inline __attribute__((always_inline, swift_name("ClassSums.areProbabilities(self:tolerance:)"))) bool
xent_are_probabilities(xent_class_sums sums, double tolerance) {
  return sums.badCount == 0 && __builtin_fabs(sums.probabilities - 1) <= tolerance;
}

/// Such sums of consecutive rows, one element a row, and room for whole groups of sixteen.
typedef struct {
  double *_Nonnull gaps;
  double *_Nonnull shares;
} xent_row_class_sums __attribute__((swift_name("RowClassSums")));

/// How the elements of one-hot labels look in memory, as unsigned integers of their width.
typedef struct {
  /// 1, 2, 4 or 8.
  int64_t elementByteCount;
  /// The bits of 1.
  uint64_t one;
  /// The bits that are all 0 exactly in zeros: for floating point all but the sign.
  uint64_t magnitudeMask;
} xent_one_hot_pattern __attribute__((swift_name("OneHotPattern")));

/// What stands in some consecutive elements of one-hot labels, one bit for each, the lowest for the first.
typedef struct {
  /// Which are 1.
  uint64_t ones;
  /// Which are not 0 of either sign.
  uint64_t others;
} xent_one_hot_lanes __attribute__((swift_name("OneHotLanes")));

// `count` elements of 8 to 64 bits.
#define XENT_ONE_HOT_LANES(bits, count)                                                                              \
  static inline __attribute__((always_inline, swift_name("oneHotLanes" #bits "(_:_:)"))) xent_one_hot_lanes          \
  xent_one_hot_lanes_##bits(const void *_Nonnull p, xent_one_hot_pattern pattern) {                                  \
    typedef uint##bits##_t vector __attribute__((ext_vector_type(count)));                                           \
    typedef bool mask __attribute__((ext_vector_type(count)));                                                       \
    vector v;                                                                                                        \
    __builtin_memcpy(&v, p, sizeof v);                                                                               \
    mask ones = __builtin_convertvector(v == (vector)(uint##bits##_t)pattern.one, mask);                             \
    mask others = __builtin_convertvector((v & (uint##bits##_t)pattern.magnitudeMask) != 0, mask);                   \
    uint##count##_t oneBits, otherBits;                                                                              \
    __builtin_memcpy(&oneBits, &ones, sizeof oneBits);                                                               \
    __builtin_memcpy(&otherBits, &others, sizeof otherBits);                                                         \
    return (xent_one_hot_lanes){.ones = oneBits, .others = otherBits};                                               \
  }
XENT_ONE_HOT_LANES(8, 64)
XENT_ONE_HOT_LANES(16, 32)
XENT_ONE_HOT_LANES(32, 16)
XENT_ONE_HOT_LANES(64, 16)

/// What a scan of one-hot labels saw: scans of consecutive parts of a row add up.
typedef struct {
  /// The class of the first element that is 1; -1 where there is none.
  int64_t index;
  /// How many elements are exactly 1.
  int64_t oneCount;
  /// How many elements are neither 1 nor 0 of either sign.
  int64_t otherCount;
} xent_one_hot_scan __attribute__((swift_name("OneHotScan")));

#endif
