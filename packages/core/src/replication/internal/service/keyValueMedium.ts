/** The frames of a space in a `KeyValueStore`: each batch, and each part of a snapshot, under a key of its own. */
import * as Effect from "effect/Effect"
import type { KeyValueStore, KeyValueStoreError } from "effect/persistence/KeyValueStore"
import { encode, Kind, spaceOf } from "../store/frames.ts"
import type { Medium } from "./journal.ts"

const digits = (number: number, count: number): string => String(number).padStart(count, "0")

export const make = (space: string, prefix: string, store: KeyValueStore): Medium<KeyValueStoreError> => {
  const id = spaceOf(space)
  const base = `${prefix}${space}@`
  const batchKey = (number: number) => `${base}${digits(number, 15)}.batch`
  const partKey = (number: number, part: number) => `${base}${digits(number, 15)}.snapshot.${digits(part, 6)}`

  const listed = Effect.map(store.keys, (keys) =>
    keys.flatMap((key) => {
      if (!key.startsWith(base)) return []
      const match = /^(\d{15})\.(batch|snapshot\.(\d{6}))$/.exec(key.slice(base.length))
      if (match === null) return []
      return [{ key, number: Number(match[1]), part: match[3] === undefined ? undefined : Number(match[3]) }]
    }))

  const bytesOf = (key: string) => Effect.map(store.getUint8Array(key), (bytes) => bytes ?? new Uint8Array(0))

  return {
    marksEnd: false,
    read: Effect.gen(function*() {
      const keys = yield* listed
      const logs = yield* Effect.forEach(
        keys.filter(({ part }) => part === undefined),
        ({ key, number }) => Effect.map(bytesOf(key), (bytes) => ({ name: key, number, bytes }))
      )
      const numbers = [...new Set(keys.flatMap(({ number, part }) => part === undefined ? [] : [number]))]
      const snapshots = yield* Effect.forEach(numbers, (number) =>
        Effect.map(
          Effect.forEach(
            keys.filter((key) => key.number === number && key.part !== undefined).toSorted((a, b) => a.part! - b.part!),
            ({ key }) => bytesOf(key)
          ),
          (parts) => ({ name: `${base}${digits(number, 15)}.snapshot`, number, bytes: concat(parts) })
        ))
      return { logs, snapshots }
    }),
    resume: () => Effect.void,
    begin: () => Effect.void,
    append: (number, payload) => store.set(batchKey(number), encode(id, { kind: Kind.batch, number, payload })),
    writeSnapshot: Effect.fnUntraced(function*(number, frames) {
      let part = 0
      let size = 0
      for (const frame of frames) {
        yield* store.set(partKey(number, part++), frame)
        size += frame.length
      }
      return size
    }),
    removeBefore: Effect.fnUntraced(function*(number) {
      // the newest last: what is left when this is interrupted is still in order
      const keys = (yield* listed).toSorted((a, b) => a.number - b.number)
      for (const { key, number: of, part } of keys) {
        if (part === undefined ? of <= number : of < number) yield* store.remove(key)
      }
    }),
    setAside: Effect.fnUntraced(function*(name) {
      for (const { key } of yield* listed) {
        if (key !== name && !key.startsWith(`${name}.`)) continue
        yield* store.set(`${key}.damaged`, yield* bytesOf(key))
        yield* store.remove(key)
      }
    })
  }
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
