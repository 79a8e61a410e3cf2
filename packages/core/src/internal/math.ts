/**
 * Logarithms that are the same on every engine: `Math.log` and its like may differ in the last bit from one to the next,
 * which would make two runs of a seed two runs.
 */

const bits = new DataView(new ArrayBuffer(8))

/** The natural logarithm of a positive, normal number, from the four operations alone, whose results IEEE 754 fixes. */
export const ln = (x: number): number => {
  bits.setFloat64(0, x)
  const high = bits.getUint32(0)
  let exponent = (high >>> 20) - 1023
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000)
  let mantissa = bits.getFloat64(0)
  if (mantissa > Math.SQRT2) {
    mantissa /= 2
    exponent++
  }
  // ln m = 2 artanh((m - 1) / (m + 1)), whose argument is below 0.172
  const s = (mantissa - 1) / (mantissa + 1)
  const square = s * s
  let sum = 0
  for (let k = 23; k >= 1; k -= 2) sum = sum * square + 1 / k
  return exponent * Math.LN2 + 2 * s * sum
}

/** The decimal logarithm to nine decimals: that of a power of ten is a whole number. */
export const log10 = (x: number): number => Math.round(ln(x) / Math.LN10 * 1e9) / 1e9

/** The logarithm to a whole base, rounded up: the least `k` with `base^k >= x`, and 0 for 1 and less. */
export const ceilLog = (x: number, base: number): number => {
  let exponent = 0
  for (let power = 1; power < x; power *= base) exponent++
  return exponent
}
