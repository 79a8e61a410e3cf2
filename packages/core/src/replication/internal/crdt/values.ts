/**
 * Values of a user's schema, as replicas hold them: together with their encoding, which is what is compared, put in order
 * and passed on. So a node passes on whole what a newer one wrote, fields that it does not know included.
 */
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { fromText, Malformed, toText } from "./bytes.ts"
import type { Keys } from "./dotStore.ts"

/** A schema that needs no service to encode and decode. */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would exclude schemas of narrower types
export type Codec = Schema.Codec<any, any, never, never>

/** A value, and its encoding as a text. */
export interface Held<A> {
  readonly value: A
  readonly text: string
}

export interface Values<A> extends Keys<A> {
  /** The encoding of a value. Throws for what is not of the schema. */
  readonly text: (value: A) => string
}

/** Values whatever their encoding. */
export const values = <S extends Codec>(schema: S): Values<S["Type"]> => {
  const codec = toCodec(schema) as unknown as Schema.Codec<S["Type"], Uint8Array>
  const encode = Schema.encodeSync(codec)
  const decodeOption = Schema.decodeUnknownOption(codec)
  const decode = (text: string): Option.Option<S["Type"]> => {
    try {
      return decodeOption(fromText(text))
    } catch {
      // the schema's own functions may throw at what nobody would write
      return Option.none()
    }
  }
  return {
    text: (value) => toText(encode(value)),
    read: (text) => {
      const value = decode(text)
      if (Option.isNone(value)) throw new Malformed("values of the schema")
      return value.value
    }
  }
}

export interface Identities<A> extends Values<A> {
  /** Like `text`, and throws for a value that others could not find by what they have. */
  readonly checkedText: (value: A) => string
}

/**
 * Values that are told apart by their encoding: keys, and elements of sets. Each has one encoding only, so that whoever has
 * the value can find it.
 */
export const identities = <S extends Codec>(schema: S): Identities<S["Type"]> => {
  const { read, text } = values(schema)
  const readSame = (encoded: string): S["Type"] => {
    const value = read(encoded)
    if (textOrNone(value) !== encoded) throw new Malformed("values in the encoding that they have here")
    return value
  }
  // what can be decoded may have no encoding: one side of a schema refuses what becomes of what the other takes
  const textOrNone = (value: S["Type"]): string | undefined => {
    try {
      return text(value)
    } catch {
      return undefined
    }
  }
  return {
    text,
    checkedText: (value) => {
      const encoded = text(value)
      try {
        readSame(encoded)
      } catch {
        throw new TypeError("a key or an element needs a schema by which a value is encoded in one way only")
      }
      return encoded
    },
    read: readSame
  }
}
