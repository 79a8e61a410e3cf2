import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Clock from "../../src/replication/HybridLogicalClock.ts"
import * as LWWRegister from "../../src/replication/LWWRegister.ts"
import * as MVRegister from "../../src/replication/MVRegister.ts"

const a = { node: "a", incarnation: 1 }
const b = { node: "b", incarnation: 1 }
const at = (millis: number, counter = 0) => ({ millis, counter })

describe("MVRegister", () => {
  const register = MVRegister.make(Schema.String)

  it("keeps all that was written at the same time, and the next write takes the place of all", () => {
    const both = register.merge(register.set(register.empty, a, "one"), register.set(register.empty, b, "two"))
    assert.deepStrictEqual(register.value(both), ["one", "two"])
    const settled = register.merge(both, register.set(both, a, "three"))
    assert.deepStrictEqual(register.value(settled), ["three"])
    assert.deepStrictEqual(register.value(register.merge(settled, both)), ["three"])
  })

  it("shows what was written twice at the same time once", () => {
    const both = register.merge(register.set(register.empty, a, "one"), register.set(register.empty, b, "one"))
    assert.deepStrictEqual(register.value(both), ["one"])
  })

  it("keeps what was written while another replica cleared it", () => {
    const before = register.set(register.empty, a, "one")
    const cleared = register.merge(before, register.clear(before))
    assert.deepStrictEqual(register.value(cleared), [])
    const written = register.merge(before, register.set(before, b, "two"))
    assert.deepStrictEqual(register.value(register.merge(cleared, written)), ["two"])
  })

  it("takes values of its schema only", () => {
    assert.throws(() => register.set(register.empty, a, 1 as never))
  })
})

describe("LWWRegister", () => {
  const register = LWWRegister.make(Schema.String)
  const valueOf = (state: LWWRegister.State<string>) => Option.getOrUndefined(register.value(state))

  it("holds what was written last, in whatever order it comes", () => {
    const first = register.set(register.empty, a, at(1, 7), "first")
    const second = register.set(register.empty, b, at(2), "second")
    assert.strictEqual(valueOf(register.merge(first, second)), "second")
    assert.strictEqual(valueOf(register.merge(second, first)), "second")
    assert.strictEqual(valueOf(register.empty), undefined)
    assert.deepStrictEqual(
      register.timestamp(register.merge(first, second)),
      Option.some({ millis: 2, counter: 0, node: "b" })
    )
    assert.deepStrictEqual(register.timestamp(register.empty), Option.none())
  })

  it("takes times that can be", () => {
    for (const wrong of [at(-1), at(0.5), at(2 ** 48), at(0, 2 ** 16), at(Number.NaN)]) {
      assert.throws(() => register.set(register.empty, a, wrong, "x"), /make no timestamp/)
    }
  })

  it("decides by the name between equal times, and then by the life", () => {
    const atA = register.set(register.empty, a, at(1), "a")
    const atB = register.set(register.empty, b, at(1), "b")
    const later = register.set(register.empty, { ...b, incarnation: 2 }, at(1), "b again")
    assert.strictEqual(valueOf(register.merge(atB, atA)), "b")
    assert.strictEqual(valueOf([later, atB, atA].reduce(register.merge)), "b again")
  })

  it("takes no write that is late, and one of the same time from who knows of it", () => {
    const state = register.set(register.empty, a, at(2), "two")
    assert.strictEqual(register.set(state, b, at(1, 9), "one"), register.empty)
    assert.strictEqual(valueOf(register.merge(state, register.set(state, a, at(2), "again"))), "again")
  })

  it("keeps what was written while another replica cleared it, though its time is before that", () => {
    const before = register.set(register.empty, a, at(1), "one")
    const cleared = register.merge(before, register.clear(before))
    const written = register.merge(before, register.set(before, b, at(2), "two"))
    assert.strictEqual(valueOf(cleared), undefined)
    assert.strictEqual(valueOf(register.merge(cleared, written)), "two")
    // and what did not win comes to light when what won was cleared by one who did not know of it
    const lost = register.set(register.empty, b, at(0), "lost")
    assert.strictEqual(valueOf(register.merge(cleared, lost)), "lost")
  })

  it("with a hybrid logical clock takes whatever is written by one who has seen what is there", () => {
    // b's wall clock is behind by ten seconds
    let clockA = Clock.make("a")
    let clockB = Clock.make("b")
    clockA = Clock.send(clockA, 100_000)
    const first = register.set(register.empty, a, clockA, "first")
    const received = Clock.receive(clockB, Option.getOrThrow(register.timestamp(first)), 90_000)
    assert.strictEqual(received._tag, "Success")
    clockB = Clock.send(received._tag === "Success" ? received.success : clockB, 90_001)
    const second = register.merge(first, register.set(first, b, clockB, "second"))
    assert.strictEqual(valueOf(second), "second")
    assert.strictEqual(valueOf(register.merge(second, first)), "second")
  })
})
