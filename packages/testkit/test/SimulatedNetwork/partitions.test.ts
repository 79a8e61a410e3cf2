import type * as Address from "@effect-gossip/core/Address"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import { addressOf, both, bytes, cluster, collect, pair } from "./fixture.ts"

describe("SimulatedNetwork partitions", () => {
  both(
    "a partition cuts both ways between its groups, and nowhere else, until it is healed",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const nodes = yield* cluster(4)
      const [a, b, c, d] = nodes.map((node) => node.address) as [
        Address.Address,
        Address.Address,
        Address.Address,
        Address.Address
      ]
      const everyoneToEveryone = Effect.gen(function*() {
        for (const node of nodes) node.seen.length = 0
        for (const [i, from] of nodes.entries()) for (const to of nodes) yield* from.send(to.address, bytes(i))
        yield* TestClock.adjust("1 millis")
        return nodes.map((node) => node.seen.join(""))
      })
      const cut = yield* network.partition([a, b], [c])
      assert.deepStrictEqual(yield* everyoneToEveryone, ["013", "013", "23", "0123"])
      assert.isFalse(network.isConnected(c, a))
      assert.isTrue(network.isConnected(c, d))
      const other = yield* network.partition(d)
      assert.deepStrictEqual(yield* everyoneToEveryone, ["01", "01", "2", "3"])
      yield* cut.heal
      assert.deepStrictEqual(yield* everyoneToEveryone, ["012", "012", "012", "3"])
      yield* other.heal
      assert.deepStrictEqual(yield* everyoneToEveryone, ["0123", "0123", "0123", "0123"])
      assert.strictEqual(network.totals().datagramsDropped.Partition, 4 + 10 + 6)
    })
  )

  both(
    "a one-way partition lets through what goes the other way",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      const cut = yield* network.partitionOneWay(a.address)
      yield* a.send(b.address, bytes(1))
      yield* b.send(a.address, bytes(2))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([a.seen, b.seen], [[2], []])
      yield* cut.heal
      yield* a.send(b.address, bytes(3))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, [3])
    })
  )

  both(
    "what is under way when the cut comes is lost, and stays lost when it heals later",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("500 micros")
      const cut = yield* network.partition(a.address)
      yield* TestClock.adjust("1 millis")
      yield* cut.heal
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(b.seen, [])
    })
  )

  both(
    "a crashed address is cut off from all others and itself, until it is restored",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* network.crash(b.address)
      yield* a.send(b.address, bytes(1))
      yield* b.send(a.address, bytes(2))
      yield* b.send(b.address, bytes(3))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([a.seen, b.seen], [[], []])
      assert.strictEqual(network.totals().datagramsDropped.Crash, 3)
      yield* network.restore(b.address)
      yield* a.send(b.address, bytes(4))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, [4])
    })
  )

  both(
    "heal ends all partitions and crashes",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const [a, b] = yield* pair
      yield* network.partition(a.address)
      yield* network.partitionOneWay(b.address, a.address)
      yield* network.crash(b.address)
      yield* network.heal
      yield* a.send(b.address, bytes(1))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(b.seen, [1])
    })
  )

  both(
    "a datagram under way reaches whoever is there when it arrives",
    Effect.gen(function*() {
      const network = yield* SimulatedNetwork.SimulatedNetwork
      const a = yield* network.open({ address: addressOf(1) })
      const scope = yield* Scope.make()
      const b = yield* Scope.provide(network.open({ address: addressOf(2) }), scope)
      yield* a.send(b.address, bytes(1))
      yield* Scope.close(scope, Exit.void)
      const again = yield* network.open({ address: addressOf(2) })
      const seen = yield* collect(yield* again.datagrams)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(seen, [1])
      yield* a.send(addressOf(3), bytes(2))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(network.totals().datagramsDropped.NoSuchAddress, 1)
    })
  )
})
