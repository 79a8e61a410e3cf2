/** A running 64-bit hash, in two lanes of 32 bits that mix differently. It tells runs apart; it is not cryptographic. */
export class TraceHash {
  private a = 0x2545f491
  private b = 0x1b873593

  int(value: number): void {
    const a = Math.imul(this.a ^ value, 0x9e3779b1)
    this.a = (a << 13) | (a >>> 19)
    const b = Math.imul((this.b + value) | 0, 0x85ebca77)
    this.b = b ^ (b >>> 15)
  }

  /** A number that is not negative and may have fractions of a thousandth. */
  millis(value: number): void {
    const micros = Math.round(value * 1000)
    this.int(micros | 0)
    this.int(Math.floor(micros / 0x100000000) | 0)
  }

  bytes(bytes: Uint8Array): void {
    let index = 0
    for (; index + 3 < bytes.length; index += 4) {
      this.int(bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24))
    }
    let rest = bytes.length
    for (; index < bytes.length; index++) rest = (rest << 8) | bytes[index]!
    this.int(rest)
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.int(text.charCodeAt(i))
    this.int(text.length)
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return hex(this.a) + hex(this.b)
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0")
