import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Address from "../src/Address.ts"
import * as Gossip from "../src/Gossip.ts"
import * as MemoryTransport from "../src/MemoryTransport.ts"
import { Transport, type TransportError } from "../src/Transport.ts"

const addressOf = (index: number) => Address.make({ host: "10.0.0.1", port: index })

/** Closes a node's scope, and lets time pass until it has left. */
const close = Effect.fnUntraced(function*(scope: Scope.Closeable) {
  const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
  for (let i = 0; i < 100 && closing.pollUnsafe() === undefined; i++) yield* TestClock.adjust("100 millis")
  yield* Fiber.join(closing)
})

/** Starts a node in a scope of its own, to be closed by the test. */
const start = Effect.fnUntraced(function*(index: number) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => close(scope))
  const network = yield* MemoryTransport.MemoryNetwork
  const transport = yield* Scope.provide(network.open({ address: addressOf(index) }), scope)
  const node = Gossip.layer({ name: `n${index}`, seeds: [1, 2].map(addressOf) }).pipe(
    Layer.provide(Layer.succeed(Transport, transport))
  )
  yield* Layer.buildWithScope(node, scope)
  return { scope, transport }
})

/** All gossip series, by name and attributes, the node's own first. */
const series = Effect.map(Metric.snapshot, (snapshot) =>
  new Map(
    snapshot.filter(({ id }) => id.startsWith("gossip_")).map(({ attributes, id, state, type }) => {
      const { node, ...others } = attributes ?? {}
      const values = Object.entries(others).sort().map(([name, value]) => `${name}=${value}`)
      const value = type === "Counter" ? state.count : type === "Gauge" ? state.value : undefined
      return [[node, id.slice("gossip_".length), ...values].join(" "), Number(value)]
    })
  ))

const test = (
  name: string,
  body: () => Effect.Effect<void, Gossip.GossipError | TransportError, Scope.Scope | MemoryTransport.MemoryNetwork>
) =>
  it.effect(name, () =>
    body().pipe(
      Effect.provide(MemoryTransport.layerNetwork),
      Effect.provideService(Metric.MetricRegistry, Metric.MetricRegistry.defaultValue())
    ))

/** Lets the nodes do what is due, some steps of a second. */
const seconds = (count: number) =>
  Effect.forEach(Array.from({ length: 10 * count }), () => TestClock.adjust("100 millis"), { discard: true })

describe("the metrics of a node", () => {
  test("count what it does, under its name", () =>
    Effect.gen(function*() {
      yield* start(1)
      yield* start(2)
      yield* seconds(10)
      const values = yield* series
      for (const [node, other] of [["n1", "n2"], ["n2", "n1"]] as const) {
        const value = (name: string) => values.get(`${node} ${name}`) ?? 0
        assert.strictEqual(value("members status=Alive"), 2)
        assert.strictEqual(value("members status=Dead"), 0)
        assert.strictEqual(value("mailbox_size"), 0)
        assert.isAtLeast(value("messages direction=out kind=Ping"), 8)
        assert.isAtLeast(value("messages direction=in kind=Ping"), 8)
        assert.strictEqual(
          value("messages direction=in kind=Ping"),
          values.get(`${other} messages direction=out kind=Ping`)
        )
        assert.strictEqual(value("messages direction=out kind=Ack"), value("messages direction=in kind=Ping"))
        assert.isAtLeast(value("probes result=direct"), 8)
        assert.strictEqual(value("probes result=failed"), 0)
        assert.isAtLeast(value("datagrams direction=out"), 16)
        assert.strictEqual(value("datagrams direction=in"), values.get(`${other} datagrams direction=out`))
        assert.strictEqual(value("datagram_bytes direction=in"), values.get(`${other} datagram_bytes direction=out`))
        assert.isAtLeast(value("datagram_bytes direction=in"), 6 * value("datagrams direction=in"))
        assert.strictEqual(value("restarts"), 0)
      }
      // the second joined through the first
      assert.strictEqual(values.get("n2 syncs reason=join"), 1)
      assert.isAtLeast(values.get("n2 exchanges direction=out result=answered") ?? 0, 1)
      assert.isAbove(values.get("n2 exchange_bytes direction=in") ?? 0, 20)
      assert.isAbove(values.get("n1 exchange_bytes direction=out") ?? 0, 20)
      assert.strictEqual(
        values.get("n1 exchanges direction=in result=answered"),
        values.get("n2 exchanges direction=out result=answered")
      )
    }))

  test("count what is dropped, by reason", () =>
    Effect.gen(function*() {
      const { transport } = yield* start(1)
      const network = yield* MemoryTransport.MemoryNetwork
      const stranger = yield* network.open({ address: addressOf(9) })
      yield* seconds(1)
      yield* stranger.send(transport.address, Uint8Array.of(1, 2, 3))
      yield* stranger.send(transport.address, Uint8Array.of(0xe6, 2, 0, 0, 0, 0, 1))
      yield* stranger.send(transport.address, Uint8Array.of(0xe6, 1, 0, 0, 0, 0, 1))
      yield* seconds(1)
      yield* Effect.exit(stranger.exchange(transport.address, Uint8Array.of(1)))
      const values = yield* series
      assert.strictEqual(values.get("n1 drops reason=Malformed"), 2)
      assert.strictEqual(values.get("n1 drops reason=ForeignVersion"), 1)
      assert.strictEqual(values.get("n1 drops reason=ForeignCluster"), 1)
      assert.strictEqual(values.get("n1 datagrams direction=in"), 3)
      assert.strictEqual(values.get("n1 exchanges direction=in result=refused"), 1)
    }))

  test("tell of a death: probes that failed, a suspicion, and members by status", () =>
    Effect.gen(function*() {
      yield* start(1)
      const network = yield* MemoryTransport.MemoryNetwork
      const scope = yield* Scope.make()
      const silent = yield* Scope.provide(network.open({ address: addressOf(2) }), scope)
      let exchanges = 0
      const node = Gossip.layer({ name: "n2", seeds: [addressOf(1)], leaveTimeout: 0 }).pipe(
        Layer.provide(Layer.succeed(Transport, {
          ...silent,
          // it joins, and is not heard of again
          send: () => Effect.void,
          exchange: (to, request) => exchanges++ === 0 ? silent.exchange(to, request) : Effect.never,
          serve: () => Effect.void
        }))
      )
      yield* Layer.buildWithScope(node, scope)
      yield* Effect.addFinalizer(() => close(scope))
      yield* seconds(8)
      const values = yield* series
      assert.isAtLeast(values.get("n1 probes result=failed") ?? 0, 1)
      assert.strictEqual(values.get("n1 suspicions outcome=started"), 1)
      assert.strictEqual(values.get("n1 suspicions outcome=confirmed"), 1)
      assert.strictEqual(values.get("n1 members status=Dead"), 1)
      assert.strictEqual(values.get("n1 members status=Alive"), 1)
    }))

  test("go with the node, and only its own", () =>
    Effect.gen(function*() {
      const { scope } = yield* start(1)
      yield* start(2)
      yield* seconds(3)
      const nodes = Effect.map(series, (values) => new Set([...values.keys()].map((key) => key.split(" ")[0])))
      assert.deepStrictEqual(yield* nodes, new Set(["n1", "n2"]))
      yield* close(scope)
      assert.deepStrictEqual(yield* nodes, new Set(["n2"]))
      assert.strictEqual((yield* series).get("n2 members status=Left"), 1)
    }))

  test("begin anew with a node of the same name", () =>
    Effect.gen(function*() {
      const { scope } = yield* start(1)
      yield* seconds(3)
      yield* close(scope)
      assert.strictEqual((yield* series).size, 0)
      yield* start(1)
      yield* seconds(1)
      assert.strictEqual((yield* series).get("n1 members status=Alive"), 1)
      assert.strictEqual((yield* series).get("n1 datagrams direction=in"), 0)
    }))
})
