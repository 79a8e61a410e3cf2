import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Address from "../src/Address.ts"
import * as MemoryTransport from "../src/MemoryTransport.ts"
import { type Packet, Transport, type TransportError } from "../src/Transport.ts"

// What every transport must do is in the testkit's conformance suite, which also runs for this one.

const addressOf = (index: number) => Address.make({ host: `10.0.${index >> 8}.${index & 0xff}`, port: 7946 })
const here = addressOf(1)
const there = addressOf(2)

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)
const numbers = (packet: Packet) => Array.from(packet.payload)

const reasonOf = <A, R>(effect: Effect.Effect<A, TransportError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** Holds back all it carries, for the test to let through. */
const held = () => {
  const datagrams: Array<() => MemoryTransport.Arrival> = []
  const legs: Array<() => void> = []
  const log: Array<string> = []
  let stream: MemoryTransport.Stream | undefined
  const carrier: MemoryTransport.Carrier = {
    datagram: (packet, to, deliver) => void datagrams.push(() => deliver(packet, to)),
    opened: (opened) => {
      stream = opened
      log.push(`opened ${opened.id} ${opened.from} ${opened.to}`)
    },
    leg: (stream, leg, bytes, arrive) => {
      log.push(`${leg} ${stream.id} ${bytes}`)
      legs.push(arrive)
    },
    closed: (stream, outcome) => void log.push(`closed ${stream.id} ${outcome}`)
  }
  return { network: MemoryTransport.makeNetwork(carrier), datagrams, legs, log, stream: () => stream! }
}

describe("MemoryTransport", () => {
  it.effect("is provided by a layer over a network that is shared", () =>
    Effect.gen(function*() {
      const open = (address: Address.Address) =>
        Effect.map(Layer.build(MemoryTransport.layer({ address })), (context) => Context.get(context, Transport))
      const a = yield* open(here)
      const b = yield* open(there)
      yield* b.serve((_, request) => Effect.succeed(request))
      assert.deepStrictEqual(yield* a.exchange(there, bytes(1, 2)), bytes(1, 2))
      const network = yield* MemoryTransport.MemoryNetwork
      assert.deepStrictEqual(network.addresses(), [here, there])
    }).pipe(Effect.scoped, Effect.provide(MemoryTransport.layerNetwork)))

  it.effect("has the limits of every transport by default", () =>
    Effect.gen(function*() {
      const a = yield* MemoryTransport.makeNetwork().open({ address: here })
      assert.strictEqual(a.maxDatagramSize, 1400)
      assert.strictEqual(a.maxExchangeSize, 4 * 1024 * 1024)
    }))

  it.effect("refuses options that cannot be, and opens nothing", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const refused = Effect.fnUntraced(function*(options: Partial<MemoryTransport.Options>) {
        const reason = yield* reasonOf(network.open({ address: here, ...options }))
        assert.strictEqual(reason._tag, "InvalidOption")
        assert.include(reason.message, Object.keys(options)[0]!)
      })
      yield* refused({ address: "nowhere" as Address.Address })
      yield* refused({ maxDatagramSize: 0 })
      yield* refused({ maxExchangeSize: -1 })
      yield* refused({ receiveBufferCapacity: 1.5 })
      yield* refused({ maxInboundStreams: NaN })
      yield* refused({ streamTimeout: 0 })
      yield* refused({ streamTimeout: "soon" as never })
      assert.deepStrictEqual(network.addresses(), [])
    }))

  it.effect("keeps 1024 datagrams by default, and drops the newest", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const a = yield* network.open({ address: here })
      const b = yield* network.open({ address: there })
      const receiver = yield* b.datagrams
      for (let i = 0; i < 1030; i++) yield* a.send(there, bytes(i & 0xff, i >> 8))
      assert.strictEqual(receiver.dropped(), 6)
      const packets = yield* receiver.pull
      assert.strictEqual(packets.length, 1024)
      assert.deepStrictEqual(numbers(packets[1023]!), [0xff, 3])
    }))

  it.effect("starts to count drops anew with each receiver", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const b = yield* network.open({ address: there, receiveBufferCapacity: 1 })
      const dropping = Effect.gen(function*() {
        const receiver = yield* b.datagrams
        for (let i = 0; i < 3; i++) yield* b.send(there, bytes(i))
        return receiver.dropped()
      })
      assert.strictEqual(yield* Effect.scoped(dropping), 2)
      assert.strictEqual(yield* Effect.scoped(dropping), 2)
    }))

  it.effect("gives each of several pulls something, in the order they wait", () =>
    Effect.gen(function*() {
      const a = yield* MemoryTransport.makeNetwork().open({ address: here })
      const receiver = yield* a.datagrams
      const first = yield* Effect.forkChild(receiver.pull, { startImmediately: true })
      const second = yield* Effect.forkChild(receiver.pull, { startImmediately: true })
      yield* a.send(here, bytes(1))
      assert.deepStrictEqual((yield* Fiber.join(first)).map(numbers), [[1]])
      yield* a.send(here, bytes(2))
      assert.deepStrictEqual((yield* Fiber.join(second)).map(numbers), [[2]])
    }))

  it.effect("loses a datagram to where nobody is", () =>
    Effect.gen(function*() {
      const a = yield* MemoryTransport.makeNetwork().open({ address: here })
      yield* a.send(there, bytes(1))
    }))

  it.effect("copies bytes whose slice is a view, as that of Node's Buffer", () =>
    Effect.gen(function*() {
      class BufferLike extends Uint8Array<ArrayBuffer> {
        override slice(start?: number, end?: number) {
          return this.subarray(start, end)
        }
      }
      const a = yield* MemoryTransport.makeNetwork().open({ address: here })
      const receiver = yield* a.datagrams
      const buffer = BufferLike.from([1, 2, 3])
      yield* a.send(here, buffer)
      const [packet] = yield* receiver.pull
      packet.payload.fill(9)
      assert.deepStrictEqual(Array.from(buffer), [1, 2, 3])
      yield* a.serve(() => Effect.succeed(buffer))
      const answer = yield* a.exchange(here, buffer)
      answer.fill(9)
      assert.deepStrictEqual(Array.from(buffer), [1, 2, 3])
    }))

  it.effect("gives up an exchange after 10 seconds by default", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const a = yield* network.open({ address: here })
      yield* a.serve(() => Effect.never)
      const exchange = yield* Effect.forkChild(reasonOf(a.exchange(here, bytes(1))))
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(exchange.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(exchange))._tag, "TimedOut")
    }))

  it.effect("refuses requests above those it may handle at a time", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const a = yield* network.open({ address: here })
      const b = yield* network.open({ address: there, maxInboundStreams: 2 })
      const answer = yield* Deferred.make<Uint8Array>()
      yield* b.serve(() => Deferred.await(answer))
      const exchange = Effect.forkChild(a.exchange(there, bytes(1)), { startImmediately: true })
      const first = yield* exchange
      const second = yield* exchange
      assert.strictEqual((yield* reasonOf(a.exchange(there, bytes(1))))._tag, "Refused")
      yield* Fiber.interrupt(first)
      const third = yield* exchange
      yield* Deferred.succeed(answer, bytes(7))
      assert.deepStrictEqual(yield* Fiber.joinAll([second, third]), [bytes(7), bytes(7)])
    }))

  it.effect("handles requests with the services of the one who serves", () =>
    Effect.gen(function*() {
      const Name = Context.Reference<string>("Name", { defaultValue: () => "nobody" })
      const network = MemoryTransport.makeNetwork()
      const a = yield* network.open({ address: here })
      const name = Effect.map(Name, (name) => new TextEncoder().encode(name)) as Effect.Effect<Uint8Array>
      yield* Effect.provideService(a.serve(() => name), Name, "server")
      const answer = yield* Effect.provideService(a.exchange(here, bytes(1)), Name, "client")
      assert.strictEqual(new TextDecoder().decode(answer), "server")
    }))

  it.effect("passes a message through thousands of nodes without piling up their stacks", () =>
    Effect.gen(function*() {
      const network = MemoryTransport.makeNetwork()
      const count = 3000
      const isDone = yield* Deferred.make<void>()
      for (let i = 0; i < count; i++) {
        const node = yield* network.open({ address: addressOf(i) })
        const receiver = yield* node.datagrams
        const pass = i + 1 < count ? node.send(addressOf(i + 1), bytes(1)) : Deferred.succeed(isDone, undefined)
        yield* Effect.forkScoped(Effect.andThen(receiver.pull, pass), { startImmediately: true })
        const ask = i + 1 < count
          ? Effect.orDie(node.exchange(addressOf(i + 1), bytes(1)))
          : Effect.succeed(bytes(42))
        yield* node.serve(() => ask)
      }
      const first = yield* network.open({ address: addressOf(count) })
      yield* first.send(addressOf(0), bytes(1))
      yield* Deferred.await(isDone)
      assert.deepStrictEqual(yield* first.exchange(addressOf(0), bytes(1)), bytes(42))
    }))

  it.effect.prop(
    "gives out what was put in, whatever it is",
    { payloads: Schema.Array(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))) },
    ({ payloads }) =>
      Effect.gen(function*() {
        const network = MemoryTransport.makeNetwork()
        const a = yield* network.open({ address: here })
        const b = yield* network.open({ address: there })
        const receiver = yield* b.datagrams
        yield* b.serve((_, request) => Effect.succeed(request.toReversed()))
        for (const payload of payloads) {
          yield* a.send(there, Uint8Array.from(payload))
          assert.deepStrictEqual((yield* receiver.pull).map(numbers), [Array.from(payload)])
          assert.deepStrictEqual(
            Array.from(yield* a.exchange(there, Uint8Array.from(payload))),
            Array.from(payload).reverse()
          )
        }
      }).pipe(Effect.scoped)
  )
})

describe("MemoryTransport carriers", () => {
  it.effect("decide when a datagram arrives, how often, and learn what became of it", () =>
    Effect.gen(function*() {
      const { datagrams, network } = held()
      const a = yield* network.open({ address: here })
      const b = yield* network.open({ address: there, receiveBufferCapacity: 2 })
      yield* a.send(there, bytes(1))
      yield* a.send(there, bytes(2))
      yield* a.send(addressOf(3), bytes(3))
      assert.strictEqual(datagrams[0]!(), "NotReceiving")
      const receiver = yield* b.datagrams
      assert.strictEqual(datagrams[1]!(), "Received")
      assert.strictEqual(datagrams[0]!(), "Received")
      assert.strictEqual(datagrams[0]!(), "BufferFull")
      assert.strictEqual(datagrams[2]!(), "NoSuchAddress")
      assert.deepStrictEqual((yield* receiver.pull).map(numbers), [[2], [1]])
    }))

  it.effect("decide when each leg of an exchange arrives", () =>
    Effect.gen(function*() {
      const { legs, log, network } = held()
      const a = yield* network.open({ address: here })
      const b = yield* network.open({ address: there })
      yield* b.serve((_, request) => Effect.succeed(new Uint8Array(request.length * 2)))
      const exchange = yield* Effect.forkChild(a.exchange(there, new Uint8Array(10)), { startImmediately: true })
      legs[0]!()
      yield* Effect.yieldNow
      assert.isUndefined(exchange.pollUnsafe())
      legs[1]!()
      assert.strictEqual((yield* Fiber.join(exchange)).length, 20)
      assert.deepStrictEqual(log, [`opened 0 ${here} ${there}`, "Request 0 10", "Answer 0 20", "closed 0 Answered"])
    }))

  it.effect("may break a stream at any time", () =>
    Effect.gen(function*() {
      const { legs, log, network, stream } = held()
      const a = yield* network.open({ address: here })
      const b = yield* network.open({ address: there })
      const interrupted = yield* Deferred.make<void>()
      yield* b.serve(() => Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined)))
      const exchange = Effect.forkChild(reasonOf(a.exchange(there, bytes(1))), { startImmediately: true })
      const first = yield* exchange
      stream().breakUnsafe()
      assert.strictEqual((yield* Fiber.join(first))._tag, "Unreachable")
      const second = yield* exchange
      legs[1]!()
      yield* Effect.yieldNow
      stream().breakUnsafe()
      stream().breakUnsafe()
      yield* Deferred.await(interrupted)
      assert.strictEqual((yield* Fiber.join(second))._tag, "Unreachable")
      assert.isFalse(stream().isOpen())
      assert.deepStrictEqual(log.filter((line) => line.startsWith("closed")), ["closed 0 Broken", "closed 1 Broken"])
    }))

  it.effect("hear how each exchange ended", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      const network = MemoryTransport.makeNetwork({
        ...MemoryTransport.carrierDirect,
        closed: (_, outcome) => void log.push(outcome)
      })
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(network.open({ address: here }), scope)
      const b = yield* network.open({ address: there, maxExchangeSize: 10 })
      const ask = (to: Address.Address, request = bytes(1)) => Effect.exit(a.exchange(to, request))
      yield* ask(addressOf(3))
      yield* ask(there)
      yield* b.serve((_, request) =>
        request[0] === 0 ? Effect.never : Effect.succeed(new Uint8Array(request[0] === 1 ? 1 : 11))
      )
      yield* ask(there)
      yield* ask(there, bytes(2))
      const abandoned = yield* Effect.forkChild(ask(there, bytes(0)), { startImmediately: true })
      yield* Fiber.interrupt(abandoned)
      const closed = yield* Effect.forkChild(ask(there, bytes(0)), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(closed)
      assert.deepStrictEqual(log, ["Unreachable", "Refused", "Answered", "TooLarge", "Abandoned", "Closed"])
    }))

  it.effect("may let legs arrive twice or late without harm", () =>
    Effect.gen(function*() {
      const { legs, network } = held()
      const a = yield* network.open({ address: here })
      let requests = 0
      yield* a.serve((_, request) => Effect.sync(() => (requests++, request)))
      const exchange = yield* Effect.forkChild(a.exchange(here, bytes(1)), { startImmediately: true })
      legs[0]!()
      legs[0]!()
      yield* Effect.yieldNow
      legs[1]!()
      legs[1]!()
      legs[0]!()
      yield* Fiber.join(exchange)
      const abandoned = yield* Effect.forkChild(a.exchange(here, bytes(1)), { startImmediately: true })
      yield* Fiber.interrupt(abandoned)
      legs[2]!()
      yield* Effect.yieldNow
      assert.strictEqual(requests, 1)
    }))
})
