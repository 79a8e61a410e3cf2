import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Address from "../../../../src/Address.ts"
import { Changes } from "../../../../src/membership/internal/service/changes.ts"
import { MembershipError } from "../../../../src/membership/MembershipError.ts"
import type { MembershipEvent } from "../../../../src/membership/MembershipEvent.ts"
import { Stopped } from "../../../../src/node/NodeError.ts"

type Tag = Exclude<MembershipEvent["_tag"], "Conflict">

const event = (tag: Tag, id: string): MembershipEvent => ({
  _tag: tag,
  member: {
    id,
    address: Address.fromStringUnsafe("10.0.0.1:7946"),
    status: "Alive",
    incarnation: 1,
    metadata: new Uint8Array(0),
    protocolVersion: 1
  }
})

const summary = (events: Iterable<MembershipEvent>) =>
  [...events].map((each) => each._tag === "Conflict" ? each._tag : `${each._tag} ${each.member.id}`)

describe("changes", () => {
  it.effect("start with what is present, and give every event to one who keeps up", () =>
    Effect.gen(function*() {
      const changes = new Changes(4)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "a")]))
      assert.deepStrictEqual(summary(yield* pull), ["Joined a"])
      for (let i = 0; i < 20; i++) {
        changes.publish(event("Suspected", "a"))
        changes.publish(event("Refuted", "a"))
        assert.deepStrictEqual(summary(yield* pull), ["Suspected a", "Refuted a"])
      }
    }))

  it.effect("give one who falls behind the last event of each member", () =>
    Effect.gen(function*() {
      const changes = new Changes(4)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "a"), event("Joined", "b")]))
      yield* pull
      for (let i = 0; i < 100; i++) changes.publish(event(i % 2 === 0 ? "Suspected" : "Refuted", "a"))
      changes.publish(event("Died", "b"))
      const events = summary(yield* pull)
      assert.isAtMost(events.length, 5)
      assert.deepStrictEqual(events.filter((each) => each.endsWith("b")), ["Died b"])
      assert.strictEqual(events.findLast((each) => each.endsWith("a")), "Refuted a")
    }))

  it.effect("hold nothing of those who came and went while nobody looked", () =>
    Effect.gen(function*() {
      const changes = new Changes(8)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "here")]))
      yield* pull
      for (let i = 0; i < 10_000; i++) {
        changes.publish(event("Joined", `x${i}`))
        changes.publish(event("Died", `x${i}`))
        changes.publish(event("Reaped", `x${i}`))
      }
      assert.isAtMost((yield* pull).length, 9)
    }))

  it.effect("tell of the end of one who was known, whatever happened to it meanwhile", () =>
    Effect.gen(function*() {
      const changes = new Changes(2)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "known")]))
      yield* pull
      for (const tag of ["Died", "Joined", "Died", "Joined", "Died", "Joined", "Died", "Reaped"] as const) {
        changes.publish(event(tag, "known"))
        changes.publish(event("Updated", "other"))
      }
      assert.include(summary(yield* pull), "Reaped known")
    }))

  it.effect("tell of the end of one who was known to be dead, and came back while nobody looked", () =>
    Effect.gen(function*() {
      const changes = new Changes(2)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "known")]))
      yield* pull
      changes.publish(event("Died", "known"))
      yield* pull
      for (const tag of ["Joined", "Died", "Reaped"] as const) {
        changes.publish(event(tag, "known"))
        changes.publish(event("Updated", "other"))
      }
      assert.deepStrictEqual(summary(yield* pull), ["Reaped known", "Updated other"])
    }))

  it.effect("have one wait who has nothing to hear but of those who came and went", () =>
    Effect.gen(function*() {
      const changes = new Changes(2)
      const pull = yield* Stream.toPull(changes.stream(() => [event("Joined", "here")]))
      yield* pull
      for (const tag of ["Joined", "Died", "Reaped"] as const) changes.publish(event(tag, "passing"))
      const waiting = yield* Effect.forkChild(pull)
      for (let i = 0; i < 3; i++) yield* Effect.yieldNow
      // one that asked again and again would have taken all the steps there are before it is made to yield
      assert.isBelow(waiting.currentOpCount, 100)
      changes.publish(event("Updated", "here"))
      assert.deepStrictEqual(summary(yield* Fiber.join(waiting)), ["Updated here"])
    }))

  it.effect("end when they are told to, quietly or with an error, once what is held is given", () =>
    Effect.gen(function*() {
      for (const error of [undefined, new MembershipError({ reason: new Stopped() })]) {
        const changes = new Changes(4)
        const waiting = yield* Effect.forkChild(Effect.exit(Stream.runCollect(changes.stream(() => []))), {
          startImmediately: true
        })
        // a stream subscribes with its first pull
        const late = yield* Stream.toPull(changes.stream(() => [event("Joined", "here")]))
        yield* late
        changes.publish(event("Joined", "a"))
        changes.end(error)
        assert.deepStrictEqual(summary(yield* late), ["Joined a"])
        const exit = yield* Fiber.join(waiting)
        assert.strictEqual(exit._tag, error === undefined ? "Success" : "Failure")
      }
    }))
})
