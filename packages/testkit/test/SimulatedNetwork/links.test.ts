import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import * as VirtualTime from "../../src/VirtualTime.ts"
import { addressOf, both, bytes, cluster, pair } from "./fixture.ts"

describe("SimulatedNetwork links", () => {
  both(
    "a datagram takes the link's latency, 1 ms by default",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("999 micros")
      assert.deepStrictEqual(b.seen, [])
      yield* TestClock.adjust("1 micros")
      assert.deepStrictEqual(b.seen, [1])
    })
  )

  it.effect("a link without latency carries at once, but not before its sender goes on", () =>
    Effect.gen(function*() {
      const [a, b] = yield* pair
      yield* a.send(b.address, bytes(1))
      assert.deepStrictEqual(b.seen, [])
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(b.seen, [1])
    }).pipe(Effect.provide(SimulatedNetwork.layer({ link: { latency: 0 } })), Effect.provide(VirtualTime.layer())))

  both(
    "links of constant latency keep order",
    Effect.gen(function*() {
      const [a, b] = yield* pair
      for (let i = 0; i < 100; i++) yield* a.send(b.address, bytes(i))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, Array.from({ length: 100 }, (_, i) => i))
    })
  )

  both(
    "setLink is for both ways, setLinkOneWay for one, and the latest counts",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b, c] = yield* Effect.map(cluster(3), (nodes) => [nodes[0]!, nodes[1]!, nodes[2]!] as const)
      const arrivesAfter = Effect.fnUntraced(function*(from: typeof a, to: typeof a) {
        to.seen.length = 0
        yield* from.send(to.address, bytes(1))
        for (let millis = 0; millis < 1000; millis++) {
          if (to.seen.length > 0) return millis
          yield* TestClock.adjust("1 millis")
        }
        return Infinity
      })
      yield* network.setLink(a.address, [b.address, c.address], { latency: "50 millis" })
      yield* network.setLinkOneWay(a.address, b.address, { latency: "7 millis" })
      assert.strictEqual(yield* arrivesAfter(a, b), 7)
      assert.strictEqual(yield* arrivesAfter(b, a), 50)
      assert.strictEqual(yield* arrivesAfter(a, c), 50)
      assert.strictEqual(yield* arrivesAfter(c, b), 1)
      yield* network.setDefaultLink({ latency: "3 millis" })
      assert.strictEqual(yield* arrivesAfter(c, b), 3)
      assert.strictEqual(yield* arrivesAfter(a, b), 7)
      yield* network.resetLinks
      assert.strictEqual(yield* arrivesAfter(a, b), 3)
    })
  )

  both(
    "as many datagrams are lost as the link loses, and all are counted",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      for (let i = 0; i < 1000; i++) yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 second")
      assert.closeTo(b.seen.length, 600, 60)
      const totals = network.totals()
      assert.strictEqual(totals.datagramsSent, 1000)
      assert.strictEqual(totals.datagramsReceived, b.seen.length)
      assert.strictEqual(totals.datagramsDropped.Loss, 1000 - b.seen.length)
    }),
    { link: { loss: 0.4 } }
  )

  both(
    "a duplicated datagram arrives twice, each with bytes of its own",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const a = yield* network.open({ address: addressOf(1) })
      const b = yield* network.open({ address: addressOf(2) })
      const receiver = yield* b.datagrams
      yield* a.send(b.address, bytes(1, 2, 3))
      yield* TestClock.adjust("1 millis")
      const packets = yield* receiver.pull
      assert.strictEqual(packets.length, 2)
      packets[0].payload.fill(9)
      assert.deepStrictEqual(Array.from(packets[1]!.payload), [1, 2, 3])
      assert.strictEqual(network.totals().datagramsDuplicated, 1)
    }),
    { link: { duplication: 1 } }
  )

  both(
    "a datagram that is held up is overtaken",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* a.send(b.address, bytes(1))
      yield* network.setDefaultLink({})
      yield* a.send(b.address, bytes(2))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, [2])
      yield* TestClock.adjust("20 millis")
      assert.deepStrictEqual(b.seen, [2, 1])
    }),
    { link: { reordering: { probability: 1, delay: "20 millis" } } }
  )

  it.effect("a link that cannot be is refused, and changes nothing", () =>
    Effect.gen(function*() {
      const problemOf = (link: Partial<SimulatedNetwork.Link>) =>
        SimulatedNetwork.make({ link }).pipe(Effect.flip, Effect.map((error) => error.message))
      assert.include(yield* problemOf({ loss: -0.1 }), "loss")
      assert.include(yield* problemOf({ loss: NaN }), "NaN")
      assert.include(yield* problemOf({ duplication: 1.5 }), "duplication")
      assert.include(yield* problemOf({ streamLoss: 2 }), "streamLoss")
      assert.include(yield* problemOf({ latency: -1 }), "latency")
      assert.include(yield* problemOf({ reordering: { probability: 2, delay: 1 } }), "reordering.probability")
      assert.include(yield* problemOf({ reordering: { probability: 0, delay: Infinity } }), "reordering.delay")
      assert.include(yield* problemOf({ corruption: 1.1 }), "corruption")
      assert.include(yield* problemOf({ bandwidth: 0 }), "bandwidth")
      assert.include(yield* problemOf({ bandwidth: NaN }), "bandwidth")
      assert.include(yield* problemOf({ queue: -1 }), "queue")
      assert.include(yield* problemOf({ mtu: 0 }), "mtu")
      yield* SimulatedNetwork.make({ link: { bandwidth: Infinity, queue: Infinity, mtu: Infinity } })
      const network = yield* SimulatedNetwork.make()
      const hash = network.traceHash()
      const one = addressOf(1)
      const two = addressOf(2)
      assert.strictEqual((yield* Effect.flip(network.setLink(one, two, { loss: 7 }))).reason._tag, "InvalidLink")
      assert.strictEqual((yield* Effect.flip(network.setDefaultLink({ loss: 7 }))).reason._tag, "InvalidLink")
      assert.strictEqual(network.traceHash(), hash)
    }))
})
