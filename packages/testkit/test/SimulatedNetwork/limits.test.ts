import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import { addressOf, both, cluster, pair } from "./fixture.ts"

/** So many bytes, of which the first is this. */
const sized = (size: number, first = 0) => {
  const payload = new Uint8Array(size)
  payload[0] = first
  return payload
}

/** When datagrams arrive, in milliseconds since now; by their ids. */
const arrivals = Effect.gen(function*() {
  const network = yield* SimulatedNetwork.SimulatedNetwork
  const at: Array<number> = []
  yield* network.observe((event) => {
    if (event._tag === "DatagramDelivered") at[event.id] = event.at
  })
  return at
})

describe("SimulatedNetwork bandwidth", () => {
  both(
    "a datagram takes its size over the bandwidth on top of its latency, behind earlier ones",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      const at = yield* arrivals
      yield* a.send(b.address, sized(100))
      yield* a.send(b.address, sized(50))
      yield* TestClock.adjust("1 second")
      yield* a.send(b.address, sized(10))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(at, [101, 151, 1011])
    }),
    { link: { bandwidth: 1000 } }
  )

  both(
    "each direction of each link has a line of its own",
    Effect.gen(function*() {
      const [a, b, c] = yield* Effect.map(cluster(3), (nodes) => [nodes[0]!, nodes[1]!, nodes[2]!] as const)
      const at = yield* arrivals
      yield* a.send(b.address, sized(100))
      yield* b.send(a.address, sized(100))
      yield* a.send(c.address, sized(100))
      yield* c.send(b.address, sized(100))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(at, [101, 101, 101, 101])
    }),
    { link: { bandwidth: 1000 } }
  )

  both(
    "a datagram that finds too much waiting is dropped, and takes no time of the line",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      const at = yield* arrivals
      for (let i = 0; i < 5; i++) yield* a.send(b.address, sized(100, i))
      yield* TestClock.adjust("100 millis")
      yield* a.send(b.address, sized(100, 5))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(b.seen, [0, 1, 2, 5])
      assert.deepStrictEqual([at[2], at[5]], [301, 401])
      assert.strictEqual(network.totals().datagramsDropped.LinkFull, 2)
    }),
    { link: { bandwidth: 1000, queue: 300 } }
  )

  both(
    "64 KiB may wait by default",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      for (let i = 0; i < 100; i++) yield* a.send(b.address, sized(1024))
      assert.strictEqual(network.totals().datagramsDropped.LinkFull, 36)
    }),
    { link: { bandwidth: 1000 } }
  )

  both(
    "an exchange takes its bytes over the bandwidth each way, and is not dropped",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* b.serve(() => Effect.succeed(new Uint8Array(2000)))
      const fiber = yield* Effect.forkChild(a.exchange(b.address, new Uint8Array(1000)), { startImmediately: true })
      yield* TestClock.adjust("3001 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 2000)
    }),
    { link: { bandwidth: 1000, queue: 10 } }
  )

  both(
    "exchanges wait behind datagrams, and datagrams behind half a queue of what exchanges send",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* b.serve(() => Effect.succeed(new Uint8Array(0)))
      const at = yield* arrivals
      yield* a.send(b.address, sized(100))
      const fiber = yield* Effect.forkChild(a.exchange(b.address, new Uint8Array(5000)), { startImmediately: true })
      yield* a.send(b.address, sized(100))
      yield* TestClock.adjust("5101 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(at, [101, 601])
    }),
    { link: { bandwidth: 1000, queue: 1000 } }
  )

  both(
    "datagrams that are lost or arrive twice take their time of the line once",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      const at = yield* arrivals
      yield* a.send(b.address, sized(100))
      yield* network.setDefaultLink({ bandwidth: 1000, duplication: 1 })
      yield* a.send(b.address, sized(100))
      yield* a.send(b.address, sized(100))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(at.filter(() => true), [201, 301])
      assert.strictEqual(network.totals().datagramsReceived, 4)
    }),
    { link: { bandwidth: 1000, loss: 1 } }
  )

  both(
    "a link whose limit is taken back carries the next datagram without a wait",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      const slow = yield* network.setLink(a.address, b.address, { bandwidth: 1000 })
      yield* a.send(b.address, sized(1000, 1))
      yield* slow.reset
      yield* a.send(b.address, sized(1000, 2))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, [2])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(b.seen, [2, 1])
    })
  )
})

describe("SimulatedNetwork MTU", () => {
  both(
    "datagrams larger than the MTU vanish, and their sender is told nothing",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      for (const size of [1280, 1281, 1, 1400]) yield* a.send(b.address, sized(size, size & 0xff))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(b.seen, [1280 & 0xff, 1])
      assert.strictEqual(network.totals().datagramsDropped.TooBig, 2)
    }),
    { link: { mtu: 1280 } }
  )

  both(
    "exchanges of any size pass a small MTU",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* b.serve((_, request) => Effect.succeed(request))
      const fiber = yield* Effect.forkChild(a.exchange(b.address, new Uint8Array(5000)))
      yield* TestClock.adjust("2 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).length, 5000)
    }),
    { link: { mtu: 100 } }
  )

  both(
    "a datagram that is too big takes no time of the line",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      const at = yield* arrivals
      yield* a.send(b.address, sized(500))
      yield* a.send(addressOf(2), sized(100))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(b.seen.length, 1)
      assert.strictEqual(at[1], 101)
    }),
    { link: { mtu: 100, bandwidth: 1000 } }
  )
})
