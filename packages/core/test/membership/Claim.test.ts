import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Address } from "../../src/Address.ts"
import { compareBytes, fromClaim, isGone, type MemberState, merge, outranks } from "../../src/membership/Claim.ts"
import type { Status } from "../../src/membership/Member.ts"
import { between, closeClaim, of } from "../support/arbitraries.ts"

const number = (minimum: number, maximum: number) => Arbitrary.schema(between(minimum, maximum))

const profile = Arbitrary.all({
  incarnation: number(0, 3),
  metadata: Arbitrary.map(Arbitrary.array(number(0, 1), { maxLength: 3 }), (bytes) => Uint8Array.from(bytes)),
  protocolVersion: number(1, 2),
  votes: of([true, false])
})

/** What may be known of one identity. Few values, so that many are equal in part. */
const state: Arbitrary.Arbitrary<MemberState> = Arbitrary.map(
  Arbitrary.all({
    incarnation: number(0, 3),
    status: of<Status>(["Alive", "Suspect", "Dead", "Left"]),
    profile: Arbitrary.flatMap(number(0, 3), (n) => n === 0 ? Arbitrary.Constant(undefined) : profile),
    abstains: of([true, false])
  }),
  (state) => ({ id: "a", address: "10.0.0.1:1" as Address, ...state })
)

const many = { arbitrary: { runs: 3000 } }

describe("merge", () => {
  it.prop("is commutative", { a: state, b: state }, ({ a, b }) => {
    assert.deepStrictEqual(merge(a, b), merge(b, a))
  }, many)

  it.prop("is associative", { a: state, b: state, c: state }, ({ a, b, c }) => {
    assert.deepStrictEqual(merge(merge(a, b), c), merge(a, merge(b, c)))
  }, many)

  it.prop(
    "is idempotent, and tells that nothing is new by giving back what it got",
    { a: state, b: state },
    ({ a, b }) => {
      assert.strictEqual(merge(a, a), a)
      const joined = merge(a, b)
      assert.strictEqual(merge(joined, b), joined)
      assert.strictEqual(merge(joined, a), joined)
    },
    many
  )

  it.prop("never loses an incarnation, nor what outranks", { a: state, b: state }, ({ a, b }) => {
    const joined = merge(a, b)
    assert.strictEqual(joined.incarnation, Math.max(a.incarnation, b.incarnation))
    assert.isFalse(outranks(a, joined))
    assert.isFalse(outranks(b, joined))
    assert.strictEqual(
      joined.profile?.incarnation ?? -1,
      Math.max(a.profile?.incarnation ?? -1, b.profile?.incarnation ?? -1)
    )
  }, many)

  it.prop(
    "of the same claims is the same in any order and with repeats",
    { claims: Arbitrary.array(closeClaim, { minLength: 1, maxLength: 8 }), turn: number(0, 7) },
    ({ claims, turn }) => {
      const states = claims.map((claim): MemberState => ({
        ...fromClaim(claim),
        id: "a",
        address: "10.0.0.1:1" as Address
      }))
      const turned = [...states.slice(turn), ...states.slice(0, turn), ...states.slice(0, turn)].reverse()
      assert.deepStrictEqual(turned.reduce(merge), states.reduce(merge))
    },
    many
  )
})

describe("outranks", () => {
  it.prop("is a strict order of incarnation and status", { a: state, b: state, c: state }, ({ a, b, c }) => {
    assert.isFalse(outranks(a, a))
    assert.isFalse(outranks(a, b) && outranks(b, a))
    if (outranks(a, b) && outranks(b, c)) assert.isTrue(outranks(a, c))
    const equal = a.incarnation === b.incarnation && a.status === b.status
    assert.strictEqual(outranks(a, b) || outranks(b, a), !equal)
  }, many)

  it("puts Left over Dead over Suspect over Alive, and a later incarnation over all", () => {
    const order: ReadonlyArray<Status> = ["Alive", "Suspect", "Dead", "Left"]
    order.forEach((status, i) => {
      for (const below of order.slice(0, i)) {
        assert.isTrue(outranks({ incarnation: 1, status }, { incarnation: 1, status: below }))
      }
      assert.isTrue(outranks({ incarnation: 2, status: "Alive" }, { incarnation: 1, status }))
    })
  })
})

describe("compareBytes", () => {
  const bytes = Arbitrary.map(Arbitrary.array(number(0, 2), { maxLength: 3 }), (bytes) => Uint8Array.from(bytes))

  it.prop("is a total order that tells all bytes apart", { a: bytes, b: bytes, c: bytes }, ({ a, b, c }) => {
    assert.strictEqual(compareBytes(a, b) === 0, a.join() === b.join())
    assert.strictEqual(Math.sign(compareBytes(a, b)), -Math.sign(compareBytes(b, a)) + 0)
    if (compareBytes(a, b) <= 0 && compareBytes(b, c) <= 0) assert.isAtMost(compareBytes(a, c), 0)
  }, many)
})

describe("isGone", () => {
  it("holds for the dead and those who left", () => {
    assert.deepStrictEqual((["Alive", "Suspect", "Dead", "Left"] as const).filter(isGone), ["Dead", "Left"])
  })
})
