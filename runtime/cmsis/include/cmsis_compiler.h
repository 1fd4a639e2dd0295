/*
 * What CMSIS-DSP takes from CMSIS-Core: attributes, and the instructions of a core as functions. They are those of the Arm C
 * Language Extensions where arm_acle.h has them, under other names.
 */
#ifndef SEDGE_CMSIS_COMPILER_H
#define SEDGE_CMSIS_COMPILER_H

#include <arm_acle.h>
#include <stdint.h>

#define __ASM __asm
#define __STATIC_INLINE static inline
#define __STATIC_FORCEINLINE static inline __attribute__((always_inline))
#define __ALIGNED(bytes) __attribute__((aligned(bytes)))
#define __WEAK __attribute__((weak))
#define __CLZ(x) ((uint8_t)__clz(x))
#define __ROR(x, by) __ror((x), (by))

#define __SSAT(x, bits) __ssat((x), (bits))
#define __USAT(x, bits) __usat((x), (bits))

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#define __QADD(x, y) __qadd((int32_t)(x), (int32_t)(y))
#define __QSUB(x, y) __qsub((int32_t)(x), (int32_t)(y))
#define __QADD8(x, y) ((uint32_t)__qadd8((int8x4_t)(x), (int8x4_t)(y)))
#define __QSUB8(x, y) ((uint32_t)__qsub8((int8x4_t)(x), (int8x4_t)(y)))
#define __QADD16(x, y) ((uint32_t)__qadd16((int16x2_t)(x), (int16x2_t)(y)))
#define __QSUB16(x, y) ((uint32_t)__qsub16((int16x2_t)(x), (int16x2_t)(y)))
#define __QASX(x, y) ((uint32_t)__qasx((int16x2_t)(x), (int16x2_t)(y)))
#define __QSAX(x, y) ((uint32_t)__qsax((int16x2_t)(x), (int16x2_t)(y)))
#define __SHADD16(x, y) ((uint32_t)__shadd16((int16x2_t)(x), (int16x2_t)(y)))
#define __SHSUB16(x, y) ((uint32_t)__shsub16((int16x2_t)(x), (int16x2_t)(y)))
#define __SHASX(x, y) ((uint32_t)__shasx((int16x2_t)(x), (int16x2_t)(y)))
#define __SHSAX(x, y) ((uint32_t)__shsax((int16x2_t)(x), (int16x2_t)(y)))
#define __SMUAD(x, y) ((uint32_t)__smuad((int16x2_t)(x), (int16x2_t)(y)))
#define __SMUADX(x, y) ((uint32_t)__smuadx((int16x2_t)(x), (int16x2_t)(y)))
#define __SMUSD(x, y) ((uint32_t)__smusd((int16x2_t)(x), (int16x2_t)(y)))
#define __SMUSDX(x, y) ((uint32_t)__smusdx((int16x2_t)(x), (int16x2_t)(y)))
#define __SMLAD(x, y, sum) ((uint32_t)__smlad((int16x2_t)(x), (int16x2_t)(y), (int32_t)(sum)))
#define __SMLADX(x, y, sum) ((uint32_t)__smladx((int16x2_t)(x), (int16x2_t)(y), (int32_t)(sum)))
#define __SMLSDX(x, y, sum) ((uint32_t)__smlsdx((int16x2_t)(x), (int16x2_t)(y), (int32_t)(sum)))
#define __SMLALD(x, y, sum) ((uint64_t)__smlald((int16x2_t)(x), (int16x2_t)(y), (int64_t)(sum)))
#define __SMLALDX(x, y, sum) ((uint64_t)__smlaldx((int16x2_t)(x), (int16x2_t)(y), (int64_t)(sum)))
#define __SXTB16(x) ((uint32_t)__sxtb16((int8x4_t)(x)))

/* The lower half of one and the upper half of the other, which is shifted first. */
#define __PKHBT(x, y, by) (((uint32_t)(x) & 0xFFFFu) | (((uint32_t)(y) << (by)) & 0xFFFF0000u))
#define __PKHTB(x, y, by) (((uint32_t)(x) & 0xFFFF0000u) | (((uint32_t)((int32_t)(y) >> (by))) & 0xFFFFu))

/* The upper half of a product, added. */
__STATIC_FORCEINLINE int32_t __SMMLA(int32_t x, int32_t y, int32_t sum) {
  return (int32_t)((((int64_t)sum << 32) + (int64_t)x * y) >> 32);
}
#endif

#endif
