import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import { addressOf, both, bytes, cluster, pair, reasonOf } from "./fixture.ts"

describe("SimulatedNetwork streams", () => {
  /** An exchange whose handler takes 10 ms, and the instants at which things happened. */
  const exchanging = Effect.gen(function*() {
    const [a, b] = yield* pair
    const started = yield* Deferred.make<void>()
    const interrupted = yield* Deferred.make<void>()
    yield* b.serve((_, request) =>
      Effect.andThen(Deferred.succeed(started, undefined), Effect.as(Effect.sleep("10 millis"), request)).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
    )
    const fiber = yield* Effect.forkChild(a.exchange(b.address, bytes(1, 2, 3)), { startImmediately: true })
    const isDone = () => fiber.pollUnsafe() !== undefined
    const reason = Effect.flatMap(Fiber.await(fiber), (exit) => Effect.map(reasonOf(exit), (reason) => reason._tag))
    return { a, b, fiber, isDone, reason, started, interrupted }
  })

  both(
    "an exchange takes the link's latency each way",
    Effect.gen(function*() {
      const { fiber, isDone } = yield* exchanging
      yield* TestClock.adjust("11999 micros")
      assert.isFalse(isDone())
      yield* TestClock.adjust("1 micros")
      assert.deepStrictEqual(Array.from(yield* Fiber.join(fiber)), [1, 2, 3])
    })
  )

  for (const [when, after] of [["its request", 500], ["its handler", 5000], ["its answer", 11_500]] as const) {
    both(
      `an exchange breaks when its link is cut during ${when}`,
      Effect.gen(function*() {
        const network = yield* SimulatedNetwork.SimulatedNetwork
        const { a, interrupted, reason } = yield* exchanging
        yield* TestClock.adjust(`${after} micros`)
        yield* network.partition(a.address)
        assert.strictEqual(yield* reason, "Unreachable")
        assert.strictEqual(yield* Deferred.isDone(interrupted), when === "its handler")
      })
    )
  }

  both(
    "a one-way cut breaks streams of both directions",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { b, reason } = yield* exchanging
      yield* network.partitionOneWay(b.address)
      assert.strictEqual(yield* reason, "Unreachable")
    })
  )

  both(
    "a crash breaks the streams of the address",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { b, reason } = yield* exchanging
      yield* TestClock.adjust("5 millis")
      yield* network.crash(b.address)
      assert.strictEqual(yield* reason, "Unreachable")
    })
  )

  both(
    "an exchange that begins across a cut breaks after the link's latency",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      yield* network.partition(addressOf(1))
      const { isDone, reason } = yield* exchanging
      assert.isFalse(isDone())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* reason, "Unreachable")
    })
  )

  both(
    "an exchange across a cut that stalls times out",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { a, isDone, reason } = yield* exchanging
      yield* TestClock.adjust("5 millis")
      yield* network.partition(a.address)
      yield* TestClock.adjust("9990 millis")
      assert.isFalse(isDone())
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(yield* reason, "TimedOut")
    }),
    { cutStreams: "stall" }
  )

  both(
    "streams that are open when they are broken off fail, and later ones do not",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const { a, b, interrupted, reason } = yield* exchanging
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(yield* network.breakStreams(), 1)
      assert.strictEqual(yield* reason, "Unreachable")
      assert.isTrue(yield* Deferred.isDone(interrupted))
      assert.strictEqual(yield* network.breakStreams(), 0)
      const later = yield* Effect.forkChild(a.exchange(b.address, bytes(1)))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(later)))
    })
  )

  both(
    "the streams of a group are broken off, to all, to others, or to another group, whoever opened them",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const nodes = yield* cluster(3)
      const names = ["a", "b", "c"]
      const addresses = nodes.map((node) => node.address)
      const [a, b, c] = [addresses[0]!, addresses[1]!, addresses[2]!]
      for (const node of nodes) yield* node.serve(() => Effect.never)
      const broken: Array<string> = []
      yield* network.observe((event) => {
        if (event._tag !== "StreamClosed" || event.outcome !== "Broken") return
        broken.push([event.from, event.to].map((address) => names[addresses.indexOf(address)]).join(""))
      })
      const brokenBy = Effect.fnUntraced(function*(breaking: Effect.Effect<number>) {
        const fibers = yield* Effect.forEach(
          nodes.flatMap((from) => addresses.map((to) => [from, to] as const)),
          ([from, to]) => Effect.forkChild(from.exchange(to, bytes(1)), { startImmediately: true })
        )
        broken.length = 0
        const count = yield* breaking
        yield* Fiber.interruptAll(fibers)
        assert.strictEqual(count, broken.length)
        return broken.join(" ")
      })
      assert.strictEqual(yield* brokenBy(network.breakStreams(a)), "aa ab ac ba ca")
      assert.strictEqual(yield* brokenBy(network.breakStreams(a, "others")), "ab ac ba ca")
      assert.strictEqual(yield* brokenBy(network.breakStreams([a, b], "others")), "ac bc ca cb")
      assert.strictEqual(yield* brokenBy(network.breakStreams([a, b], c)), "ac bc ca cb")
      assert.strictEqual(yield* brokenBy(network.breakStreams(b, c)), "bc cb")
      assert.strictEqual(yield* brokenBy(network.breakStreams()), "aa ab ac ba bb bc ca cb cc")
    })
  )

  both(
    "streams lose nothing, unless they are told to break",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const first = yield* exchanging
      yield* TestClock.adjust("1 second")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(first.fiber)))
      yield* network.setDefaultLink({ streamLoss: 1 })
      const second = yield* Effect.forkChild(reasonOf(first.a.exchange(first.b.address, bytes(1))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(second))._tag, "Unreachable")
    }),
    { link: { loss: 1, duplication: 1 } }
  )
})
