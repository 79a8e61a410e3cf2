/** Limits of a map or CRDT, as they are given. */
import * as Effect from "effect/Effect"
import { integer } from "../../../internal/options.ts"
import type { InvalidOption } from "../../../Transport.ts"
import { defaultLimits, type SpaceLimits } from "../../ReplicaMachine.ts"

/** What a map holds at most. All nodes should have the same. */
export interface Limits {
  /** Most bytes of an encoded key: 1 to 65,536, 1 KiB by default. */
  readonly maxKeySize?: number | undefined
  /**
   * Most bytes of an encoded value: 1 to 1 MiB, 256 KiB by default. With `maxKeySize` it must fit `maxChunk` of
   * `ReplicaOptions` (512 KiB by default) less 5 KiB: the map's layer fails with `SpaceRefused` otherwise.
   */
  readonly maxValueSize?: number | undefined
  /** Most keys, with those deleted that are still remembered: 1 to 16,777,216, 1,000,000 by default. */
  readonly maxKeys?: number | undefined
  /** Most bytes of keys and values together: 1 KiB to 64 GiB, 256 MiB by default. */
  readonly maxBytes?: number | undefined
}

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export const checkLimits = Effect.fnUntraced(function*(limits: Limits): Effect.fn.Return<SpaceLimits, InvalidOption> {
  const { maxBytes, maxKeys, maxKeySize, maxValueSize } = limits
  return {
    maxKeySize: yield* integer("maxKeySize", maxKeySize ?? defaultLimits.maxKeySize, {
      minimum: 1,
      maximum: 64 * kibibyte
    }),
    maxValueSize: yield* integer("maxValueSize", maxValueSize ?? defaultLimits.maxValueSize, {
      minimum: 1,
      maximum: mebibyte
    }),
    maxKeys: yield* integer("maxKeys", maxKeys ?? defaultLimits.maxKeys, { minimum: 1, maximum: 2 ** 24 }),
    maxBytes: yield* integer("maxBytes", maxBytes ?? defaultLimits.maxBytes, {
      minimum: kibibyte,
      maximum: 64 * kibibyte * mebibyte
    })
  }
})
