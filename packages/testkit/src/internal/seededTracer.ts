/** Effect's own tracer, but for identifiers that come from a seed: its spans draw theirs from `Math.random`. */
import * as Option from "effect/Option"
import type * as Random from "effect/Random"
import * as Tracer from "effect/Tracer"
import * as SplitRandom from "./splitRandom.ts"

class SeededSpan extends Tracer.NativeSpan {
  private readonly random: Random.Random

  constructor(random: Random.Random, options: ConstructorParameters<typeof Tracer.NativeSpan>[0]) {
    super(options)
    this.random = random
  }

  override get traceId(): string {
    return this._traceId ??= Option.getOrUndefined(this.parent)?.traceId ?? hex(this.random, 32)
  }

  override get spanId(): string {
    return this._spanId ??= hex(this.random, 16)
  }
}

const hex = (random: Random.Random, digits: number): string => {
  let text = ""
  while (text.length < digits) {
    text += Math.floor(random.nextDoubleUnsafe() * 0x100000000).toString(16).padStart(8, "0")
  }
  return text
}

export const make = (seed: string): Tracer.Tracer => {
  const random = SplitRandom.make(`${seed}/spans`)
  return Tracer.make({ span: (options) => new SeededSpan(random, options) })
}
