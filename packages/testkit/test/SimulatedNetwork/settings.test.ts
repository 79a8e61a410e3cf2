import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"
import { both, bytes, cluster } from "./fixture.ts"

/** How long a datagram takes now from each of three nodes to each: in rows and columns, in milliseconds. */
const latencies = Effect.gen(function*() {
  const network = yield* SimulatedNetwork.SimulatedNetwork
  const nodes = yield* cluster(3)
  const addresses = nodes.map((node) => node.address)
  const measure = Effect.gen(function*() {
    const rows = addresses.map(() => addresses.map(() => Infinity))
    let start: number | undefined
    yield* network.observe((event) => {
      if (event._tag === "DatagramSent") start ??= event.at
      if (event._tag !== "DatagramDelivered") return
      rows[addresses.indexOf(event.from)]![addresses.indexOf(event.to)] = event.at - start!
    })
    for (const from of nodes) for (const to of addresses) yield* from.send(to, bytes(1))
    yield* TestClock.adjust("1 second")
    return rows
  }).pipe(Effect.scoped)
  return { network, measure, a: addresses[0]!, b: addresses[1]!, c: addresses[2]! }
})

describe("SimulatedNetwork settings of links", () => {
  both(
    "a setting that is taken back leaves the others, and those it covered up count again",
    Effect.gen(function*() {
      const { a, b, c, measure, network } = yield* latencies
      const first = yield* network.setLink(a, [b, c], { latency: 5 })
      const second = yield* network.setLinkOneWay(a, b, { latency: 7 })
      const third = yield* network.setLink(b, c, { latency: 9 })
      assert.deepStrictEqual(yield* measure, [[1, 7, 5], [5, 1, 9], [5, 9, 1]])
      yield* second.reset
      assert.deepStrictEqual(yield* measure, [[1, 5, 5], [5, 1, 9], [5, 9, 1]])
      yield* first.reset
      assert.deepStrictEqual(yield* measure, [[1, 1, 1], [1, 1, 9], [1, 9, 1]])
      yield* third.reset
      assert.deepStrictEqual(yield* measure, [[1, 1, 1], [1, 1, 1], [1, 1, 1]])
    })
  )

  both(
    "a setting is taken back once: a second time, or after all were, changes nothing",
    Effect.gen(function*() {
      const { a, b, measure, network } = yield* latencies
      const setting = yield* network.setLink(a, b, { latency: 5 })
      yield* setting.reset
      const same = yield* network.setLink(a, b, { latency: 5 })
      const hash = network.traceHash()
      yield* setting.reset
      assert.strictEqual(network.traceHash(), hash)
      assert.deepStrictEqual((yield* measure)[0], [1, 5, 1])
      yield* network.resetLinks
      const reset = network.traceHash()
      yield* same.reset
      assert.strictEqual(network.traceHash(), reset)
    })
  )

  both(
    "what a setting leaves out is as it would be without it",
    Effect.gen(function*() {
      const { a, b, measure, network } = yield* latencies
      yield* network.setLink(a, "others", { latency: 5 })
      const lossy = yield* network.setLink(a, b, { loss: 1 })
      assert.deepStrictEqual(yield* measure, [[1, Infinity, 5], [Infinity, 1, 1], [5, 1, 1]])
      yield* network.setLink(a, b, { latency: 7 })
      assert.deepStrictEqual(yield* measure, [[1, Infinity, 5], [Infinity, 1, 1], [5, 1, 1]])
      yield* lossy.reset
      assert.deepStrictEqual(yield* measure, [[1, 7, 5], [7, 1, 1], [5, 1, 1]])
      yield* network.setDefaultLink({ latency: 3 })
      assert.deepStrictEqual(yield* measure, [[3, 7, 5], [7, 3, 3], [5, 3, 3]])
    })
  )

  both(
    "`others` are all that are not in the first group, `all` are all",
    Effect.gen(function*() {
      const { a, b, measure, network } = yield* latencies
      const others = yield* network.setLink([a, b], "others", { latency: 5 })
      assert.deepStrictEqual(yield* measure, [[1, 1, 5], [1, 1, 5], [5, 5, 1]])
      yield* others.reset
      yield* network.setLinkOneWay([a, b], "others", { latency: 5 })
      assert.deepStrictEqual(yield* measure, [[1, 1, 5], [1, 1, 5], [1, 1, 1]])
      yield* network.resetLinks
      yield* network.setLink(a, "all", { latency: 5 })
      assert.deepStrictEqual(yield* measure, [[5, 5, 5], [5, 1, 1], [5, 1, 1]])
      yield* network.resetLinks
      yield* network.setLinkOneWay("all", a, { latency: 5 })
      assert.deepStrictEqual(yield* measure, [[5, 1, 1], [5, 1, 1], [5, 1, 1]])
      const all = yield* network.setLink("all", "all", { latency: 7 })
      assert.deepStrictEqual(yield* measure, [[7, 7, 7], [7, 7, 7], [7, 7, 7]])
      yield* all.reset
      assert.deepStrictEqual(yield* measure, [[5, 1, 1], [5, 1, 1], [5, 1, 1]])
    })
  )
})
