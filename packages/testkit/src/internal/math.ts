/**
 * Logarithm and exponential from additions and multiplications alone, whose results IEEE 754 fixes: `Math.log` and
 * `Math.exp` may differ in the last bit from one engine to the next, which would make two runs of a seed two runs.
 */

const bits = new DataView(new ArrayBuffer(8))

/** The natural logarithm of a positive, normal number. */
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

/** The exponential, for arguments from -700 to 700. */
export const exp = (x: number): number => {
  const exponent = Math.round(x / Math.LN2)
  const rest = x - exponent * Math.LN2
  let sum = 1
  for (let k = 16; k >= 1; k--) sum = 1 + (sum * rest) / k
  bits.setUint32(0, (exponent + 1023) << 20)
  bits.setUint32(4, 0)
  return sum * bits.getFloat64(0)
}
