/** What peers send is a state in its one encoding, or is refused: nothing throws, loops, or takes more room than it came in. */
import { assert, describe, it } from "@effect/vitest"
import { toCodec } from "effect/encoding/SchemaBinary"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Crdt from "../../src/replication/Crdt.ts"
import * as GCounter from "../../src/replication/GCounter.ts"
import { Writer } from "../../src/replication/internal/crdt/bytes.ts"
import * as LWWRegister from "../../src/replication/LWWRegister.ts"
import * as MVRegister from "../../src/replication/MVRegister.ts"
import * as ORMap from "../../src/replication/ORMap.ts"
import * as ORSet from "../../src/replication/ORSet.ts"
import * as PNCounter from "../../src/replication/PNCounter.ts"
import { type Generator, generator } from "../support/generator.ts"
import { History, type Step } from "./histories.ts"
import { kinds } from "./kinds.ts"

const historyOf = (random: Generator): ReadonlyArray<Step> =>
  Array.from({ length: 1 + random.int(25) }, () => ({
    action: random.pick(["write", "write", "deliver", "merge", "restart"]),
    node: random.int(3),
    other: random.int(1000),
    choice: { what: random.int(10), where: random.int(3) }
  }))

/** Bytes with something wrong, though not with much. */
const spoil = (bytes: Uint8Array, other: Uint8Array, random: Generator): Uint8Array => {
  const at = random.int(bytes.length)
  const to = at + random.int(Math.min(8, bytes.length - at) + 1)
  switch (random.int(6)) {
    case 0:
      return bytes.map((byte, i) => i === at ? byte ^ (1 << random.int(8)) : byte)
    case 1:
      return bytes.map((byte, i) => i === at ? random.pick([0, 1, 2, 0x7f, 0x80, 0xff]) : byte)
    case 2:
      return bytes.slice(0, at)
    case 3:
      return Uint8Array.from([...bytes.slice(0, at), ...bytes.slice(to)])
    case 4:
      return Uint8Array.from([...bytes.slice(0, at), ...random.bytes(1 + random.int(3)), ...bytes.slice(at)])
    default:
      return Uint8Array.from([...bytes.slice(0, at), ...other.slice(random.int(other.length))])
  }
}

for (const kind of kinds) {
  describe(kind.name, () => {
    const { crdt } = kind
    const decode = Schema.decodeUnknownOption(crdt.schema)
    const encode = Schema.encodeSync(crdt.schema)

    it("is refused with something wrong in it, or is another state in its one encoding", () => {
      const random = generator(kind.name)
      let refused = 0
      let taken = 0
      for (let i = 0; i < 80; i++) {
        const history = new History(kind, historyOf(random))
        for (const node of random.pick([[], ["a"], ["a", "b"]])) {
          history.states.push(crdt.merge(history.everything, crdt.retire(history.everything, node, 3)))
        }
        const [one, other] = [random.pick(history.all), history.everything]
        for (let j = 0; j < 40; j++) {
          const bytes = spoil(encode(random.int(2) === 0 ? one : other), encode(other), random)
          const decoded = decode(bytes)
          if (Option.isNone(decoded)) {
            refused++
            continue
          }
          taken++
          const state = decoded.value as any
          assert.deepStrictEqual(encode(state), bytes)
          crdt.value(state)
          const [left, right] = [crdt.merge(state, other), crdt.merge(other, state)]
          assert.deepStrictEqual(encode(left), encode(right))
          assert.isTrue(Option.isSome(decode(encode(left))))
          assert.strictEqual(crdt.merge(left, state), left)
        }
      }
      assert.isAbove(refused, 1600)
      assert.isAbove(taken, 50)
    })

    it("is not to be had of noise", () => {
      const random = generator(`${kind.name} noise`)
      for (let i = 0; i < 3000; i++) {
        const bytes = random.bytes(random.int(60))
        bytes.set(kind.crdt.kind.numbers.slice(0, bytes.length))
        const decoded = decode(bytes)
        if (Option.isSome(decoded)) assert.deepStrictEqual(encode(decoded.value), bytes)
      }
      for (const none of [undefined, null, 1, "", {}, [], new Uint8Array(0)]) assert.isTrue(Option.isNone(decode(none)))
    })

    it("is refused of another kind", () => {
      for (const other of kinds) {
        const bytes = Schema.encodeSync(other.crdt.schema)(other.crdt.empty)
        assert.strictEqual(Option.isSome(decode(bytes)), other === kind)
      }
    })
  })
}

type Part = number | string | { readonly text: ReadonlyArray<number> }

/** Bytes of whole numbers and texts. */
const written = (...parts: ReadonlyArray<Part>): Uint8Array => {
  const writer = new Writer()
  for (const part of parts) {
    if (typeof part === "number") writer.number(part)
    else if (typeof part === "string") writer.string(part)
    else writer.text(String.fromCharCode(...part.text))
  }
  return writer.done()
}

const problemOf = (crdt: Crdt.Any, bytes: Uint8Array): string => {
  try {
    Schema.decodeSync(crdt.schema)(bytes)
  } catch (error) {
    return (error as Error).message
  }
  return "none"
}

describe("a state", () => {
  const max = Number.MAX_SAFE_INTEGER
  const counter = GCounter.definition
  const set = ORSet.make(Schema.String)
  const x = Schema.encodeSync(set.schema)(set.add(set.empty, { node: "a", incarnation: 7 }, "x"))
  const letter = (letter: string) => ({ text: [0x02, 0x20, letter.charCodeAt(0)] })
  // kind · nodes · name, floor, lives · incarnation, runs · gap, length · dots · replica, number, total
  const good: ReadonlyArray<Part> = [1, 1, "a", 0, 1, 7, 1, 0, 1, 1, 0, 2, 5]

  it("that is as it should be is taken", () => {
    assert.strictEqual(problemOf(counter, written(...good)), "none")
    assert.strictEqual(counter.value(Schema.decodeSync(counter.schema)(written(...good))), 5)
  })

  const wrong: ReadonlyArray<readonly [name: string, parts: ReadonlyArray<Part>, problem: RegExp]> = [
    ["of a kind that there is not", [0, ...good.slice(1)], /a state of this kind/],
    ["with something behind it", [...good, 0], /nothing behind the state/],
    ["with a node without a name", [1, 1, "", 0, 1, 7, 1, 0, 1, 0], /nodes in ascending order/],
    ["with a name that nobody can have", [1, 1, "a b", 0, 1, 7, 1, 0, 1, 0], /names of nodes/],
    ["with a name that is too long", [1, 1, "a".repeat(129), 0, 1, 7, 1, 0, 1, 0], /names of nodes/],
    ["with a name twice", [1, 2, "a", 0, 1, 7, 1, 0, 1, "a", 0, 1, 8, 1, 0, 1, 0], /nodes in ascending order/],
    [
      "with names in another order",
      [1, 2, "b", 0, 1, 7, 1, 0, 1, "a", 0, 1, 8, 1, 0, 1, 0],
      /nodes in ascending order/
    ],
    ["with a node that never wrote", [1, 1, "a", 0, 0, 0], /no nodes without writes/],
    ["with a life that never wrote", [1, 1, "a", 0, 1, 7, 0, 0], /writes of the lives from the floor on/],
    ["with a life twice", [1, 1, "a", 0, 2, 7, 1, 0, 1, 0, 1, 0, 1, 0], /lives in ascending order/],
    ["with an incarnation that is too high", [1, 1, "a", 0, 1, 2 ** 48, 1, 0, 1, 0], /incarnations/],
    ["with incarnations that are too high together", [1, 1, "a", 0, 2, 7, 1, 0, 0, max, 1, 0, 0, 0], /incarnations/],
    ["with a floor that is too high", [1, 1, "a", 2 ** 48, 0, 0], /incarnations/],
    ["with writes below the floor", [1, 1, "a", 8, 1, 7, 1, 0, 1, 0], /writes of the lives from the floor on/],
    ["with a life below the floor that holds nothing", [1, 1, "a", 8, 1, 7, 0, 0], /no lives without writes/],
    ["with numbers that cannot be given", [1, 1, "a", 0, 1, 7, 1, 5, max - 2, 0], /numbers of writes/],
    ["with a replica that it does not name", [1, 1, "a", 0, 1, 7, 1, 0, 1, 1, 1, 2, 5], /replicas of the table/],
    ["with a write that was not seen", [1, 1, "a", 0, 1, 7, 1, 0, 1, 1, 0, 3, 5], /nothing that was not seen/],
    ["with a write without a number", [1, 1, "a", 0, 1, 7, 1, 0, 1, 1, 0, 0, 5], /nothing that was not seen/],
    ["with a write without a number below the floor", [1, 1, "a", 8, 1, 7, 0, 1, 0, 0, 5], /nothing that was not seen/],
    ["with a write twice", [1, 1, "a", 0, 1, 7, 1, 0, 1, 2, 0, 2, 5, 0, 2, 5], /dots in ascending order/],
    ["with writes in another order", [1, 1, "a", 0, 1, 7, 1, 0, 1, 2, 0, 2, 5, 0, 1, 5], /dots in ascending order/],
    ["with a total of nothing", [1, 1, "a", 0, 1, 7, 1, 0, 1, 1, 0, 2, 0], /totals from 1 on/],
    ["with more nodes announced than there are", [1, max], /shortest form/],
    ["with more runs announced than there are", [1, 1, "a", 0, 1, 7, max, 0, 1], /shortest form/],
    ["with more dots announced than there are", [1, 1, "a", 0, 1, 7, 1, 0, 1, max, 0, 2, 5], /shortest form/],
    ["with a longer name announced than there is", [1, 1, max, 0, 0, 0], /as many bytes as are announced/]
  ]
  for (const [name, parts, problem] of wrong) {
    it(`${name} is refused`, () => assert.match(problemOf(counter, written(...parts)), problem))
  }

  const raw: ReadonlyArray<readonly [name: string, bytes: ReadonlyArray<number>, problem: RegExp]> = [
    ["with a number in a longer form", [1, 0x80, 0x00, 0], /shortest form/],
    ["with a number above 2^53 - 1", [1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0], /shortest form/],
    ["with a number without an end", [1, ...Array.from({ length: 20 }, () => 0xff)], /shortest form/],
    ["with a name that is not UTF-8", [1, 1, 1, 0xff, 0, 1, 7, 1, 0, 1, 0], /UTF-8/],
    ["with a name behind a byte order mark", [1, 1, 4, 0xef, 0xbb, 0xbf, 0x61, 0, 1, 7, 1, 0, 1, 0], /names of nodes/]
  ]
  for (const [name, bytes, problem] of raw) {
    it(`${name} is refused`, () => assert.match(problemOf(counter, Uint8Array.from(bytes)), problem))
  }

  const seen: ReadonlyArray<Part> = [1, "a", 0, 1, 7, 1, 0, 1]
  const wrongSets: ReadonlyArray<readonly [name: string, parts: ReadonlyArray<Part>, problem: RegExp]> = [
    ["with an element twice", [3, ...seen, 2, letter("x"), 1, 0, 1, letter("x"), 1, 0, 2], /keys in ascending order/],
    [
      "with elements in another order",
      [3, ...seen, 2, letter("y"), 1, 0, 1, letter("x"), 1, 0, 2],
      /keys in ascending/
    ],
    ["with an element that nobody added", [3, ...seen, 1, letter("x"), 0], /something under each key/],
    ["with an element that is not of the schema", [3, ...seen, 1, { text: [1, 2, 3] }, 1, 0, 1], /values of the schema/]
  ]
  for (const [name, parts, problem] of wrongSets) {
    it(`${name} is refused`, () => assert.match(problemOf(set, written(...parts)), problem))
  }

  it("of a set is what the above take it to be", () => {
    assert.deepStrictEqual(x, written(3, 1, "a", 0, 1, 7, 1, 0, 0, 1, letter("x"), 1, 0, 1))
  })

  it("with an element in an encoding that it does not have here is refused", () => {
    // as a later version of the schema would have it
    const older = ORSet.make(Schema.Struct({ id: Schema.Int }))
    const newer = ORSet.make(Schema.Struct({ id: Schema.Int, tag: Schema.optionalKey(Schema.String) }))
    const a = { node: "a", incarnation: 1 }
    const bytes = Schema.encodeSync(newer.schema)(newer.add(newer.empty, a, { id: 1, tag: "x" }))
    assert.match(problemOf(older, bytes), /the encoding that they have here/)
  })

  it("with values of a newer version is taken, and passed on as it came", () => {
    const older = MVRegister.make(Schema.Struct({ id: Schema.Int }))
    const newer = MVRegister.make(Schema.Struct({ id: Schema.Int, tag: Schema.optionalKey(Schema.String) }))
    const a = { node: "a", incarnation: 1 }
    const bytes = Schema.encodeSync(newer.schema)(newer.set(newer.empty, a, { id: 1, tag: "x" }))
    const read = Schema.decodeSync(older.schema)(bytes)
    assert.deepStrictEqual(older.value(read), [{ id: 1 }])
    const passedOn = Schema.encodeSync(older.schema)(older.merge(older.empty, read))
    assert.deepStrictEqual(newer.value(Schema.decodeSync(newer.schema)(passedOn)), [{ id: 1, tag: "x" }])
  })

  it("is refused where the schema's own functions throw at its values", () => {
    const crash = Schema.String.check(Schema.makeFilter((text: string) => {
      if (text === "x") throw new Error("a defect")
      return true
    }))
    const bytes = Schema.encodeSync(set.schema)(set.add(set.empty, { node: "a", incarnation: 7 }, "x"))
    assert.match(problemOf(ORSet.make(crash), bytes), /values of the schema/)
  })

  it("is refused with an element that has no encoding here at all", () => {
    const trimmed = Schema.NonEmptyString.pipe(Schema.decodeTo(Schema.String, SchemaTransformation.trim()))
    const bytes = Schema.encodeSync(set.schema)(set.add(set.empty, { node: "a", incarnation: 7 }, " "))
    assert.deepStrictEqual(Schema.decodeUnknownOption(ORSet.make(trimmed).schema)(bytes), Option.none())
  })

  it("with a timestamp of more bits than there are is refused", () => {
    const register = LWWRegister.make(Schema.String)
    assert.strictEqual(problemOf(register, written(5, ...seen, 1, 0, 1, 2 ** 48 - 1, 0xffff, letter("x"))), "none")
    for (const time of [[2 ** 48, 0], [0, 0x10000]]) {
      assert.match(problemOf(register, written(5, ...seen, 1, 0, 1, ...time, letter("x"))), /48 and 16 bits/)
    }
  })

  it("of totals that nobody can have counted is taken, and its value is a whole number", () => {
    const nodes = ["a", "b", "c"]
    const huge = Schema.decodeSync(counter.schema)(
      written(1, 3, ...nodes.flatMap((node) => [node, 0, 1, 7, 1, 0, 0]), 3, ...[0, 1, 2].flatMap((i) => [i, 1, max]))
    )
    assert.strictEqual(counter.value(huge), max)
    const folded = counter.merge(huge, counter.retire(huge, "a", 8))
    assert.isTrue(counter.isEqual(Schema.decodeSync(counter.schema)(Schema.encodeSync(counter.schema)(folded)), folded))
    assert.match(problemOf(PNCounter.definition, written(2, ...seen, 1, 0, 1, 0, 0)), /totals from 1 on/)
  })
})

const textCodec = toCodec(Schema.String)

describe("a state of the largest size", () => {
  const limit = Crdt.maxStateSize
  const counter = GCounter.definition
  const sets = ORMap.make({ key: Schema.Int, value: ORSet.make(Schema.Int) })

  /** As many of `each` as there is room for, behind a head that says how many there are. */
  const filled = (
    head: (count: number) => ReadonlyArray<Part>,
    each: (i: number) => ReadonlyArray<Part>,
    tail: ReadonlyArray<Part> = []
  ): Uint8Array => {
    const pieces: Array<Uint8Array> = []
    let size = written(...head(limit), ...tail).length
    for (;;) {
      const piece = written(...each(pieces.length))
      size += piece.length
      if (size > limit) break
      pieces.push(piece)
    }
    const all = [written(...head(pieces.length)), ...pieces, written(...tail)]
    const bytes = new Uint8Array(all.reduce((size, piece) => size + piece.length, 0))
    all.reduce((at, piece) => (bytes.set(piece, at), at + piece.length), 0)
    return bytes
  }

  const digits = (i: number) => ({ text: [...Schema.encodeSync(textCodec)(i.toString().padStart(7, "0"))] })
  const name = (i: number) => i.toString(36).padStart(4, "0")
  const strings = ORSet.make(Schema.String)
  const b = { node: "b", incarnation: 1 }
  const count = (state: GCounter.State) => counter.increment(state, b)

  const full: ReadonlyArray<
    readonly [
      name: string,
      crdt: Crdt.Any,
      bytes: () => Uint8Array,
      write: (state: any) => any
    ]
  > = [
    ["runs", counter, () => filled((n) => [1, 1, "a", 0, 1, 7, n], () => [1, 0], [0]), count],
    ["lives", counter, () => filled((n) => [1, 1, "a", 0, n], () => [1, 1, 0, 0], [0]), count],
    ["nodes", counter, () => filled((n) => [1, n], (i) => [name(i), 0, 1, 1, 1, 0, 0], [0]), count],
    ["dots", counter, () => filled((n) => [1, 1, "a", 0, 1, 7, 1, 0, limit, n], (i) => [0, i + 1, 1]), count],
    [
      "elements",
      strings,
      () => filled((n) => [3, 1, "a", 0, 1, 7, 1, 0, limit, n], (i) => [digits(i), 1, 0, i + 1]),
      (state) => strings.add(state, b, "x")
    ],
    [
      "elements of many replicas",
      strings,
      () => {
        const nodes = Array.from({ length: 1000 }, (_, i) => [name(i), 0, 1, 1, 1, 0, limit])
        return filled((n) => [3, 1000, ...nodes.flat(), n], (i) => [digits(i), 1, (i * 7) % 1000, i + 1])
      },
      (state) => strings.add(state, b, "x")
    ]
  ]

  for (const [name, crdt, bytes, write] of full) {
    it(`that is full of ${name} is read and merged in a moment`, () => {
      const encoded = bytes()
      assert.isAbove(encoded.length, limit - 100)
      const state = Schema.decodeSync(crdt.schema)(encoded)
      const merged = crdt.merge(state, write(state))
      assert.notStrictEqual(merged, state)
      assert.isTrue(crdt.isEqual(merged, crdt.merge(write(state), state)))
      const cleared = crdt.merge(merged, crdt.clear(merged))
      assert.deepStrictEqual(crdt.value(cleared), crdt.value(crdt.empty))
      const again = Schema.encodeSync(crdt.schema)(state)
      assert.isTrue(again.length === encoded.length && again.every((byte, i) => byte === encoded[i]))
    })
  }

  it("is the largest: what is larger is refused on both sides", () => {
    const register = MVRegister.make(Schema.String)
    const a = { node: "a", incarnation: 7 }
    const ofLength = (length: number) => register.set(register.empty, a, "x".repeat(length))
    const overhead = Schema.encodeSync(register.schema)(ofLength(limit / 2)).length - limit / 2
    const largest = Schema.encodeSync(register.schema)(ofLength(limit - overhead))
    assert.strictEqual(largest.length, limit)
    assert.strictEqual(problemOf(register, largest), "none")
    assert.throws(
      () => Schema.encodeSync(register.schema)(ofLength(limit - overhead + 1)),
      /Expected at most 1048576 bytes/
    )
    assert.match(problemOf(register, new Uint8Array(limit + 1)), /at most 1048576 bytes/)
  })

  it("may be a map of sets", () => {
    let state = sets.empty
    for (let i = 0; i < 300; i++) {
      const delta = sets.update(
        state,
        i % 7,
        (set) => ORSet.make(Schema.Int).add(set, { node: "a", incarnation: 1 }, i)
      )
      state = sets.merge(state, delta)
    }
    const decoded = Schema.decodeSync(sets.schema)(Schema.encodeSync(sets.schema)(state))
    assert.isTrue(sets.isEqual(decoded, state))
  })
})
