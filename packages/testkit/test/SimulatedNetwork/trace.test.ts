import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Latency from "../../src/Latency.ts"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import * as VirtualTime from "../../src/VirtualTime.ts"
import { addressOf, both, bytes, cluster, pair } from "./fixture.ts"

/** Chatter of a few nodes over links that do everything, with a partition and a crash; and what it came to. */
const chatter = (seed: string | number, link: Partial<SimulatedNetwork.Link> = {}) =>
  VirtualTime.runUnsafe(
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const nodes = yield* cluster(8)
      const lost = new Set<number>()
      const arrivals = new Map<number, number>()
      yield* network.observe((event) => {
        if (event._tag === "DatagramDropped" && event.reason === "Loss") lost.add(event.id)
        if (event._tag === "DatagramDelivered" && !arrivals.has(event.id)) arrivals.set(event.id, event.at)
      })
      for (const [i, node] of nodes.entries()) {
        yield* node.serve((_, request) => Effect.delay(Effect.succeed(request), 3))
        yield* Effect.forkScoped(Effect.forever(Effect.gen(function*() {
          yield* Effect.sleep(100 + i)
          const to = nodes[(i * 3 + 1) % 8]!.address
          yield* node.send(to, bytes(i, 1, 2, 3, 4))
          yield* Effect.ignore(node.exchange(to, new Uint8Array(i * 10)))
        })))
      }
      yield* TestClock.adjust("2 seconds")
      const cut = yield* network.partition(nodes.slice(0, 3).map((node) => node.address))
      yield* TestClock.adjust("2 seconds")
      yield* cut.heal
      yield* network.crash(nodes[5]!.address)
      yield* TestClock.adjust("2 seconds")
      return { hash: network.traceHash(), totals: network.totals(), lost, arrivals }
    }).pipe(
      Effect.scoped,
      Effect.provide(SimulatedNetwork.layer({
        seed,
        link: {
          latency: Latency.logNormal({ median: "10 millis", p99: "60 millis" }),
          loss: 0.2,
          duplication: 0.1,
          reordering: { probability: 0.1, delay: "30 millis" },
          streamLoss: 0.05,
          ...link
        }
      }))
    )
  )

describe("SimulatedNetwork counters and trace", () => {
  both(
    "counters tell what each address sent and received",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* b.serve(() => Effect.succeed(new Uint8Array(50)))
      yield* a.send(b.address, new Uint8Array(7))
      yield* a.send(b.address, new Uint8Array(8))
      yield* a.send(addressOf(9), new Uint8Array(100))
      const exchange = yield* Effect.forkChild(a.exchange(b.address, new Uint8Array(20)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(exchange)
      assert.deepStrictEqual(network.countersOf(a.address), {
        datagramsSent: 3,
        datagramBytesSent: 115,
        datagramsReceived: 0,
        datagramBytesReceived: 0,
        exchanges: 1,
        exchangeBytesSent: 20
      })
      assert.deepInclude(network.countersOf(b.address), {
        datagramsReceived: 2,
        datagramBytesReceived: 15,
        exchanges: 0,
        exchangeBytesSent: 50
      })
      assert.deepInclude(network.totals(), {
        datagramsSent: 3,
        datagramBytesSent: 115,
        datagramsReceived: 2,
        datagramBytesReceived: 15,
        exchanges: 1,
        exchangeBytesSent: 70
      })
      assert.deepInclude(network.countersOf(addressOf(77)), { datagramsSent: 0 })
    })
  )

  both(
    "a full buffer and a missing receiver are counted as drops",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const a = yield* network.open({ address: addressOf(1) })
      const b = yield* network.open({ address: addressOf(2), receiveBufferCapacity: 2 })
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 second")
      const receiver = yield* b.datagrams
      for (let i = 0; i < 5; i++) yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(receiver.dropped(), 3)
      assert.deepInclude(network.totals().datagramsDropped, { BufferFull: 3, NotReceiving: 1 })
    })
  )

  both(
    "observers see everything that happens, in order, until their scope closes",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* b.serve((_, request) => Effect.succeed(request))
      const events: Array<string> = []
      const scope = yield* Scope.make()
      yield* Scope.provide(network.observe((event) => events.push(`${event.at} ${event._tag}`)), scope)
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 millis")
      const exchange = yield* Effect.forkChild(a.exchange(b.address, bytes(1)))
      yield* TestClock.adjust("2 millis")
      yield* Fiber.join(exchange)
      yield* network.note("here")
      yield* network.partition(a.address)
      yield* a.send(b.address, bytes(1))
      yield* Scope.close(scope, Exit.void)
      yield* a.send(b.address, bytes(1))
      assert.deepStrictEqual(events, [
        "0 DatagramSent",
        "1 DatagramDelivered",
        "1 StreamOpened",
        "1 StreamLeg",
        "2 StreamLeg",
        "3 StreamClosed",
        "3 Note",
        "3 Note",
        "3 DatagramSent",
        "3 DatagramDropped"
      ])
    })
  )

  it("one seed makes one trace", () => {
    for (let seed = 0; seed < 5; seed++) assert.strictEqual(chatter(seed).hash, chatter(seed).hash)
  })

  it("different seeds make different traces", () => {
    assert.strictEqual(new Set(Array.from({ length: 20 }, (_, seed) => chatter(seed).hash)).size, 20)
  })

  it("a trace is the same on every machine", () => {
    // To be pinned anew when the network, or what it runs on, comes to do other things in another order.
    assert.strictEqual(chatter("pinned").hash, "e7c8de2ab9db708b")
  })

  it("a fault that is added leaves the other decisions as they were", () => {
    const plain = chatter(1, { duplication: 0, reordering: { probability: 0, delay: 0 }, loss: 0 })
    const duplicating = chatter(1, { duplication: 0.5, reordering: { probability: 0, delay: 0 }, loss: 0 })
    const losing = chatter(1, { duplication: 0, reordering: { probability: 0, delay: 0 }, loss: 0.3 })
    const losingMore = chatter(1, { duplication: 0.5, reordering: { probability: 0.5, delay: 5 }, loss: 0.3 })
    assert.isAbove(losing.lost.size, 50)
    assert.deepStrictEqual(losing.lost, losingMore.lost)
    for (const [id, at] of losing.arrivals) assert.strictEqual(plain.arrivals.get(id), at)
    for (const [id, at] of plain.arrivals) assert.isAtMost(duplicating.arrivals.get(id)!, at)
  })

  it("corruption, bandwidth and MTU leave the other decisions as they were", () => {
    const losing = chatter(1, { duplication: 0, loss: 0.3 })
    const corrupting = chatter(1, { duplication: 0, loss: 0.3, corruption: 0.5 })
    const limited = chatter(1, { duplication: 0, loss: 0.3, bandwidth: 1e12, mtu: 1400 })
    assert.isAbove(corrupting.totals.datagramsCorrupted, 50)
    assert.deepStrictEqual(corrupting.lost, losing.lost)
    assert.deepStrictEqual(corrupting.arrivals, losing.arrivals)
    assert.deepStrictEqual(limited.arrivals, losing.arrivals)
  })

  it("corruption, bandwidth and MTU enter the trace", () => {
    const hashes = [{}, { corruption: 0.1 }, { bandwidth: 1000 }, { mtu: 4 }]
      .map((link) => chatter(3, link).hash)
    assert.strictEqual(new Set(hashes).size, hashes.length)
    assert.strictEqual(chatter(3, { corruption: 0.1 }).hash, hashes[1])
    assert.strictEqual(chatter(3, { bandwidth: 1000 }).hash, hashes[2])
  })

  it.prop(
    "the content of every datagram is in the trace's hash",
    { payload: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))), flip: Schema.Int },
    ({ flip, payload }) => {
      const hashOf = (payload: Uint8Array) =>
        VirtualTime.runUnsafe(
          Effect.gen(function*() {
            const network = yield* SimulatedNetwork.make()
            const a = yield* network.open({ address: addressOf(1) })
            yield* a.send(addressOf(2), payload)
            return network.traceHash()
          }).pipe(Effect.scoped)
        )
      const original = Uint8Array.from(payload)
      const changed = Uint8Array.from([...payload, 0])
      assert.notStrictEqual(hashOf(original), hashOf(changed))
      if (payload.length === 0) return
      const flipped = original.slice()
      flipped[Math.abs(flip) % payload.length]! ^= 1 << (Math.abs(flip) % 8)
      assert.notStrictEqual(hashOf(original), hashOf(flipped))
    }
  )
})
