import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Address from "../../../src/Address.ts"
import * as Claims from "../../../src/membership/Claim.ts"
import { bucketCount, keyOf, MemberTable } from "../../../src/membership/internal/table.ts"
import type { Claim } from "../../../src/wire/Message.ts"
import { between, closeClaim, of } from "../../support/arbitraries.ts"
import { generator } from "../../support/generator.ts"

const address = (index: number) => Address.make({ host: `10.0.${index >> 8}.${index & 255}`, port: 7946 })

const alive = (id: string, at: number, incarnation = 1): Claim => ({
  _tag: "Alive",
  id,
  address: address(at),
  incarnation,
  protocolVersion: 1
})
const gone = (tag: "Dead" | "Left", id: string, at: number, incarnation = 1): Claim =>
  tag === "Dead"
    ? { _tag: tag, id, address: address(at), incarnation, from: "x" }
    : { _tag: tag, id, address: address(at), incarnation }
const suspect = (id: string, at: number, incarnation = 1): Claim => ({
  _tag: "Suspect",
  id,
  address: address(at),
  incarnation,
  from: "x"
})

const tableOf = (claims: ReadonlyArray<Claim>, capacity = 1000) => {
  const table = new MemberTable(capacity)
  claims.forEach((claim, at) => table.apply(claim, at))
  return table
}

const statesOf = (table: MemberTable) =>
  [...table.entries()].map((entry) => entry.state).sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1)

const aliveMember = (id: string, at: number, incarnation = 1) => ({
  id,
  address: address(at),
  incarnation,
  status: "Alive" as const,
  metadata: new Uint8Array(0),
  protocolVersion: 1
})

const claims = Arbitrary.array(closeClaim, { maxLength: 40 })

describe("two tables that saw the same claims", () => {
  it.prop(
    "in any order and with repeats hold the same states, hash and buckets",
    { claims, seed: Arbitrary.schema(between(0, 1000)) },
    ({ claims, seed }) => {
      const random = generator(String(seed))
      const shuffled = [...claims, ...claims.filter(() => random.int(3) === 0)]
        .map((claim) => ({ claim, at: random.nextDoubleUnsafe() }))
        .sort((a, b) => a.at - b.at)
        .map(({ claim }) => claim)
      const [first, second] = [tableOf(claims), tableOf(shuffled)]
      assert.deepStrictEqual(statesOf(first), statesOf(second))
      assert.strictEqual(first.hash, second.hash)
      assert.deepStrictEqual(first.buckets, second.buckets)
      assert.strictEqual(first.members().length, second.members().length)
      for (const member of first.members()) {
        assert.deepStrictEqual(second.standingFor(member.id)?.member, member)
      }
    },
    { arbitrary: { runs: 400, size: 40 } }
  )
})

describe("after any claims and removals", () => {
  const Operation = Arbitrary.flatMap(
    of(["claim", "claim", "claim", "claim", "remove"]),
    (kind): Arbitrary.Arbitrary<Claim | number> => kind === "claim" ? closeClaim : Arbitrary.schema(between(0, 8))
  )

  it.prop(
    "the table is what a plain map of merged states is",
    { operations: Arbitrary.array(Operation, { maxLength: 60 }) },
    ({ operations }) => {
      const table = new MemberTable(1000)
      const model = new Map<string, Claims.MemberState>()
      for (const operation of operations) {
        if (typeof operation === "number") {
          const key = [...model.keys()].sort()[operation]
          if (key === undefined) continue
          table.remove(table.get(key)!)
          model.delete(key)
        } else {
          const key = keyOf(operation)
          const before = model.get(key)
          const after = before === undefined
            ? Claims.fromClaim(operation)
            : Claims.merge(before, Claims.fromClaim(operation))
          const change = table.apply(operation, 0)
          assert.strictEqual(change === undefined, before === after)
          if (typeof change === "object") {
            assert.deepStrictEqual(change.before, before)
            assert.strictEqual(
              change.standing,
              before?.incarnation !== after.incarnation || before.status !== after.status
            )
          }
          model.set(key, after)
        }

        const states = [...model.values()]
        assert.strictEqual(table.size, model.size)
        assert.deepStrictEqual(statesOf(table), states.sort((a, b) => keyOf(a) < keyOf(b) ? -1 : 1))
        const live = states.filter((state) => !Claims.isGone(state.status)).map(keyOf)
        assert.deepStrictEqual(table.live.map((entry) => entry.key).sort(), live.sort())
        assert.isTrue(table.live.every((entry, position) => entry.position === position))
        const dead = states.filter((state) => Claims.isGone(state.status)).map(keyOf)
        assert.deepStrictEqual([...table.gone].map((entry) => entry.key).sort(), dead.sort())
        for (const id of ["a", "b", "c"]) {
          assert.deepStrictEqual(
            table.liveNamed(id).map((entry) => entry.key).sort(),
            live.filter((key) => key.startsWith(`${id} `))
          )
        }
      }
      // the hash is that of a table that never knew what was removed
      const fresh = new MemberTable(1000)
      for (const state of model.values()) {
        const { address, id, incarnation, profile, status } = state
        if (profile !== undefined) {
          fresh.apply({ _tag: "Alive", id, address, ...profile }, 0)
        }
        if (status === "Suspect" || status === "Dead") {
          fresh.apply({ _tag: status, id, address, incarnation, from: "x" }, 0)
        }
        if (status === "Left") fresh.apply({ _tag: status, id, address, incarnation }, 0)
      }
      assert.strictEqual(fresh.hash, table.hash)
      assert.deepStrictEqual(fresh.buckets, table.buckets)
    },
    { arbitrary: { runs: 200, size: 60 } }
  )
})

describe("the hash", () => {
  const members = Array.from({ length: 50 }, (_, i) => alive(`n${i}`, i))

  it("differs when a live entry does, and only its bucket", () => {
    const table = tableOf(members)
    const changes: ReadonlyArray<Claim> = [
      alive("n7", 7, 2),
      suspect("n7", 7),
      alive("new", 99),
      alive("n7", 99),
      alive("n8", 7)
    ]
    for (const change of changes) {
      const other = tableOf([...members, change])
      assert.notStrictEqual(other.hash, table.hash)
      const differs = table.differsIn(other.buckets)
      const changed = other.get(keyOf(change))!
      assert.isTrue(differs(changed))
      for (const entry of table.entries()) {
        assert.strictEqual(differs(entry), entry.keyHash % bucketCount === changed.keyHash % bucketCount)
      }
    }
  })

  it("differs when one has heard a suspect's own claim and the other has not", () => {
    assert.notStrictEqual(tableOf([suspect("a", 1, 2)]).hash, tableOf([alive("a", 1), suspect("a", 1, 2)]).hash)
  })

  it("differs when a member says something else in the same incarnation", () => {
    const said: ReadonlyArray<Partial<Claim>> = [
      {},
      { metadata: Uint8Array.of(1) },
      { metadata: Uint8Array.of(2) },
      { metadata: Uint8Array.of(1, 0) },
      { protocolVersion: 2 },
      { votes: false }
    ]
    const hashes = said.map((more) => tableOf([{ ...alive("a", 1), ...more } as Claim]).hash)
    assert.strictEqual(new Set(hashes).size, said.length)
  })

  it("does not count the gone", () => {
    const table = tableOf(members)
    const other = tableOf([...members, gone("Dead", "x", 100), gone("Left", "y", 101)])
    assert.strictEqual(other.hash, table.hash)
    assert.deepStrictEqual(other.buckets, table.buckets)
    other.apply(alive("x", 100, 2), 0)
    assert.notStrictEqual(other.hash, table.hash)
    other.apply(gone("Dead", "x", 100, 2), 0)
    assert.strictEqual(other.hash, table.hash)
  })

  it("is spread over the buckets, however alike names and addresses are", () => {
    const forms: ReadonlyArray<(index: number) => Claim> = [
      (index) => alive(`n${index}`, index),
      (index) => ({ ...alive(`node-${index}`, 0), address: Address.make({ host: "127.0.0.1", port: 7000 + index }) })
    ]
    for (const form of forms) {
      const table = tableOf(Array.from({ length: 320 }, (_, index) => form(index)))
      const sizes = new Map<number, number>()
      for (const { keyHash } of table.entries()) {
        sizes.set(keyHash % bucketCount, (sizes.get(keyHash % bucketCount) ?? 0) + 1)
      }
      assert.isAbove(sizes.size, 55)
      assert.isBelow(Math.max(...sizes.values()), 16)
    }
  })

  it("of an empty table is nothing", () => {
    assert.strictEqual(new MemberTable(1).hash, 0)
    assert.deepStrictEqual(new MemberTable(1).buckets, new Uint8Array(256))
  })

  it("is the sum of its buckets", () => {
    const table = tableOf(members)
    const view = new DataView(table.buckets.buffer)
    let sum = 0
    for (let i = 0; i < bucketCount; i++) sum = (sum + view.getUint32(4 * i)) >>> 0
    assert.strictEqual(sum, table.hash)
  })

  it("tells many small changes apart", () => {
    const hashes = new Set<number>()
    for (let i = 0; i < 20_000; i++) hashes.add(tableOf([alive(`n${i % 100}`, i % 97, i)]).hash)
    // two of 20,000 are alike by chance in 1 of 21 runs
    assert.isAtLeast(hashes.size, 19_998)
  })
})

describe("a table that is full", () => {
  it("forgets the longest gone for a new identity", () => {
    const table = tableOf([alive("a", 1), gone("Dead", "b", 2), gone("Left", "c", 3), gone("Dead", "d", 4)], 4)
    // dead once more, and so the last of them
    table.apply(alive("b", 2, 2), 10)
    table.apply(gone("Dead", "b", 2, 2), 11)
    const names = () => [...table.entries()].map((entry) => entry.state.id).sort()
    assert.isObject(table.apply(alive("e", 5), 12))
    assert.deepStrictEqual(names(), ["a", "b", "d", "e"])
    assert.isObject(table.apply(alive("f", 6), 13))
    assert.deepStrictEqual(names(), ["a", "b", "e", "f"])
    assert.isObject(table.apply(gone("Dead", "g", 7), 14))
    assert.deepStrictEqual(names(), ["a", "e", "f", "g"])
  })

  it("has somebody else forget whom it makes room for", () => {
    const forgotten: Array<string> = []
    const table: MemberTable = new MemberTable(2, (entry) => {
      forgotten.push(entry.state.id)
      table.remove(entry)
    })
    table.apply(gone("Dead", "a", 1), 0)
    table.apply(alive("b", 2), 0)
    assert.isObject(table.apply(alive("c", 3), 0))
    assert.deepStrictEqual(forgotten, ["a"])
    assert.strictEqual(table.size, 2)
  })

  it("forgets nobody live, and takes no new identity then", () => {
    const table = tableOf([alive("a", 1), suspect("b", 2)], 2)
    const hash = table.hash
    assert.strictEqual(table.apply(alive("c", 3), 0), "Full")
    assert.strictEqual(table.apply(gone("Dead", "c", 3), 0), "Full")
    assert.strictEqual(table.size, 2)
    assert.strictEqual(table.hash, hash)
    assert.isObject(table.apply(alive("a", 1, 2), 0))
  })
})

describe("a name", () => {
  it("of two live identities stands for the one with the lower incarnation, wherever it was heard first", () => {
    for (const claims of [[alive("a", 1, 5), alive("a", 2, 9)], [alive("a", 2, 9), alive("a", 1, 5)]]) {
      const table = tableOf(claims)
      assert.deepStrictEqual(table.members(), [aliveMember("a", 1, 5)])
      assert.strictEqual(table.liveNamed("a").length, 2)
    }
  })

  it("passes to the other when the first is gone, and of those gone to the last", () => {
    const table = tableOf([alive("a", 1, 5), alive("a", 2, 9), gone("Dead", "a", 1, 5)])
    assert.deepStrictEqual(table.members(), [aliveMember("a", 2, 9)])
    table.apply(gone("Left", "a", 2, 9), 0)
    assert.deepStrictEqual(table.members(), [{ ...aliveMember("a", 2, 9), status: "Left" }])
  })

  it("of one incarnation at two addresses stands for the same everywhere", () => {
    const claims = [alive("a", 1), alive("a", 2)]
    assert.deepStrictEqual(tableOf(claims).members(), tableOf([...claims].reverse()).members())
  })

  it("is nobody's before the member's own claim was heard", () => {
    const table = tableOf([suspect("a", 1, 3), gone("Dead", "b", 2)])
    assert.deepStrictEqual(table.members(), [])
    assert.isUndefined(table.standingFor("a"))
    table.apply(alive("a", 1), 0)
    assert.deepStrictEqual(table.members(), [{ ...aliveMember("a", 1, 3), status: "Suspect" }])
  })
})

describe("liveAt", () => {
  it("finds who is live at an address", () => {
    const table = tableOf([alive("a", 1), alive("b", 2), gone("Dead", "b", 2)])
    assert.strictEqual(table.liveAt(address(1))?.state.id, "a")
    assert.isUndefined(table.liveAt(address(2)))
    assert.isUndefined(table.liveAt(address(3)))
    table.apply(alive("c", 2), 0)
    assert.strictEqual(table.liveAt(address(2))?.state.id, "c")
    table.remove(table.get(keyOf({ id: "c", address: address(2) }))!)
    assert.isUndefined(table.liveAt(address(2)))
  })
})
