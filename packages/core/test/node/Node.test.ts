import * as Address from "@effect-gossip/core/Address"
import * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import * as Node from "@effect-gossip/core/node/Node"
import type { Birth, Input, Machine, Output, Protocol } from "@effect-gossip/core/node/Protocol"
import { Transport } from "@effect-gossip/core/Transport"
import * as Frame from "@effect-gossip/core/wire/Frame"
import type { Message, Tag } from "@effect-gossip/core/wire/Message"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"

const here = Address.fromStringUnsafe("10.0.0.1:7946")
const peer = Address.fromStringUnsafe("10.0.0.2:7946")
const cluster = Frame.clusterHash("default")

type Command = { readonly _tag: "Echo"; readonly text: string } | { readonly _tag: "Never" } | {
  readonly _tag: "Break"
}

/** Notes what it is given; breaks on an ack of nonce 13; answers every sync request. */
class Probe implements Machine<Command, string, string> {
  static breakOnNever = false
  readonly inputs: Array<Input<Command>> = []
  readonly birth: Birth<Probe>
  constructor(birth: Birth<Probe>) {
    this.birth = birth
  }
  step(input: Input<Command>, now: number): ReadonlyArray<Output<string, string>> {
    this.inputs.push(input)
    switch (input._tag) {
      case "Started":
        return [{ _tag: "Happened", event: "started" }]
      case "Received": {
        const { message } = input
        if (message._tag === "Ack" && message.nonce === 13) throw new Error("unlucky")
        if (message._tag === "Ack" && message.nonce === 7) {
          return [{ _tag: "Wake", at: now + 100, timer: "late" }, { _tag: "Wake", at: now + 50, timer: "early" }]
        }
        if (message._tag === "Ack" && message.nonce === 21) {
          const request = { _tag: "SyncRequest", id: "a", address: here, table: 0 } as const
          return [{ _tag: "Exchange", exchange: 1, to: peer, message: request }]
        }
        if (message._tag === "Ping") {
          return [{ _tag: "Send", to: input.from, message: { _tag: "Ack", nonce: message.nonce } }]
        }
        return [{ _tag: "Happened", event: `got ${message._tag}` }]
      }
      case "Requested": {
        const { message, reply } = input
        return [{
          _tag: "Reply",
          reply,
          message: message._tag === "SyncRequest" ? { ...message, _tag: "SyncResponse" } : undefined
        }]
      }
      case "Answered":
        return [{ _tag: "Happened", event: input.answer?._tag ?? input.failure }]
      case "Due":
        return [{ _tag: "Happened", event: `due ${String(input.timer)}` }]
      case "ClockSet":
        return [{ _tag: "Happened", event: `clock ${input.wallClock}` }]
      case "Commanded": {
        const { command, completion } = input
        if (command._tag === "Break" || command._tag === "Never" && Probe.breakOnNever) throw new Error("asked to")
        return command._tag === "Never" ? [] : [{ _tag: "Completed", completion, result: command.text }]
      }
    }
  }
  piggyback() {
    return []
  }
  farewell(): ReadonlyArray<Output<string, string>> {
    return [{ _tag: "Send", to: peer, message: { _tag: "Ack", nonce: 99 } }]
  }
}

const protocol: Protocol<Command, string, string, Probe> = {
  name: "probe",
  handles: ["Ping", "Ack", "SyncRequest", "SyncResponse"],
  idempotent: [],
  make: (birth) => new Probe(birth)
}

/** Opens transports in memory that reach each other. */
const network = Effect.map(
  Layer.build(MemoryTransport.layerNetwork),
  (context) => (address: Address.Address) =>
    Effect.map(
      Layer.build(Layer.fresh(MemoryTransport.layer({ address }))),
      (opened) => Context.get(opened, Transport)
    ).pipe(Effect.provideContext(context))
)

const setup = Effect.fnUntraced(function*(
  options: Partial<Node.Options> = {},
  idempotent: ReadonlyArray<Tag> = [],
  wrap: (transport: Transport["Service"]) => Transport["Service"] = (transport) => transport
) {
  const open = yield* network
  const remote = yield* open(peer)
  const received: Array<Message> = []
  const receiver = yield* remote.datagrams
  yield* Effect.forkScoped(Effect.forever(Effect.map(receiver.pull, (packets) => {
    for (const { payload } of packets) received.push(...Frame.decode(cluster, payload).messages)
  })))
  const nodeScope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(nodeScope, Exit.void))
  const registry: Metric.MetricRegistry = new Map()
  const events: Array<string> = []
  const restarts: Array<readonly [Probe, Probe]> = []
  const node = yield* Node.make({ id: "a", cluster: "default", ...Node.defaults, ...options }).pipe(
    Effect.provideService(Transport, wrap(yield* open(here))),
    Effect.provideService(Metric.MetricRegistry, registry),
    Effect.provideService(References.MinimumLogLevel, "None"),
    Scope.provide(nodeScope)
  )
  const attaching: typeof protocol = { ...protocol, idempotent }
  const attached = yield* Scope.provide(
    node.attach(attaching, {
      onEvent: (event) => events.push(event),
      onRestart: (before, now) => restarts.push([before, now])
    }),
    nodeScope
  )
  // one turn of the test clock for each hand that a message goes through
  const settle = Effect.forEach([1, 2, 3, 4, 5], () => TestClock.adjust("1 millis"), { discard: true })
  yield* settle
  return {
    node,
    nodeScope,
    remote,
    received,
    events,
    restarts,
    settle,
    ...attached,
    send: (message: Message) => Effect.andThen(remote.send(here, Frame.encode(cluster, message)), settle),
    count: (name: string, label?: string) => {
      let total = 0
      for (const metric of Metric.snapshotUnsafe(Context.make(Metric.MetricRegistry, registry))) {
        if (metric.id !== name || metric.type !== "Counter") continue
        if (label === undefined || Object.values(metric.attributes ?? {}).includes(label)) {
          total += Number(metric.state.count)
        }
      }
      return total
    },
    series: () => registry.size
  }
})

describe("Node", () => {
  it.effect("steps the protocol that owns a message, and sends what comes out", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      yield* test.send({ _tag: "Ping", nonce: 5, target: "a", table: 0 })
      assert.deepStrictEqual(test.received, [{ _tag: "Ack", nonce: 5 }])
      assert.strictEqual(test.count("gossip_messages", "Ping"), 1)
      assert.strictEqual(test.count("gossip_datagrams", "out"), 1)
    }))

  it.effect("fills up a datagram with what each protocol has to pass on, as far as there is room", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const rooms: Array<number> = []
      const riders = [[], [1, 2], [], [3]].map((nonces) =>
        nonces.map((nonce) => Frame.encodeMessage({ _tag: "Nack", nonce }))
      )
      for (const [index, messages] of riders.entries()) {
        yield* test.node.attach({
          name: `rider ${index}`,
          handles: [],
          idempotent: [],
          make: () => ({
            step: () => [],
            piggyback: (room: number) => {
              rooms.push(room)
              return messages
            },
            farewell: () => []
          })
        }, { onEvent: () => {}, onRestart: () => {} })
      }
      yield* test.settle
      yield* test.send({ _tag: "Ping", nonce: 5, target: "a", table: 0 })
      assert.deepStrictEqual(
        test.received.map((message) => message._tag === "Nack" || message._tag === "Ack" ? message.nonce : -1),
        [5, 1, 2, 3]
      )
      const [, first, second, third] = rooms
      const size = riders[1]!.reduce((sum, { length }) => sum + length, 0)
      assert.deepStrictEqual([first, second, third], [rooms[0], rooms[0]! - size, rooms[0]! - size])
    }))

  it.effect("wakes the protocol at the times it asked for, in order of time", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      yield* test.send({ _tag: "Ack", nonce: 7 })
      yield* TestClock.adjust("40 millis")
      assert.notInclude(test.events, "due early")
      yield* TestClock.adjust("20 millis")
      assert.include(test.events, "due early")
      assert.notInclude(test.events, "due late")
      yield* TestClock.adjust("60 millis")
      assert.deepStrictEqual(test.events, ["started", "due early", "due late"])
    }))

  it.effect("answers the requests of peers, and refuses what it does not understand", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const ask = (bytes: Uint8Array) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Effect.result(test.remote.exchange(here, bytes)))
          yield* test.settle
          return yield* Fiber.join(fiber)
        })
      const request = { _tag: "SyncRequest", id: "b", address: peer, table: 1 } as const
      const answer = yield* ask(Frame.encode(cluster, request))
      assert(answer._tag === "Success")
      assert.strictEqual(Frame.decode(cluster, answer.success).messages[0]?._tag, "SyncResponse")
      for (
        const bytes of [
          new Uint8Array([1, 2, 3]),
          Frame.encode(Frame.clusterHash("other"), request),
          Frame.encode(cluster, { _tag: "Left", id: "b", address: peer, incarnation: 1 }),
          Frame.encode(cluster, { _tag: "Ping", nonce: 1, target: "a", table: 1 })
        ]
      ) {
        const refused = yield* ask(bytes)
        assert(refused._tag === "Failure")
        assert.strictEqual(refused.failure.reason._tag, "Refused")
      }
      assert.strictEqual(test.count("gossip_exchanges", "refused"), 4)
      assert.strictEqual(test.count("gossip_exchanges", "answered"), 1)
    }))

  it.effect("drops what is not a frame of its cluster, counted by reason", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const send = (bytes: Uint8Array) => Effect.andThen(test.remote.send(here, bytes), test.settle)
      const frame = Frame.encode(cluster, { _tag: "Ping", nonce: 5, target: "a", table: 0 })
      yield* send(new Uint8Array(0))
      yield* send(frame.subarray(0, 12))
      yield* send(frame.with(1, 9))
      yield* send(frame.with(3, frame[3]! ^ 1))
      yield* send(frame.with(10, frame[10]! ^ 1))
      yield* send(Frame.encode(cluster, { _tag: "Left", id: "b", address: peer, incarnation: 1 }))
      assert.deepStrictEqual(test.received, [])
      assert.strictEqual(test.count("gossip_drops", "Malformed"), 2)
      assert.strictEqual(test.count("gossip_drops", "ForeignVersion"), 1)
      assert.strictEqual(test.count("gossip_drops", "ForeignCluster"), 1)
      assert.strictEqual(test.count("gossip_drops", "UndecodableMessage"), 1)
      assert.strictEqual(test.count("gossip_drops", "Unexpected"), 1)
      assert.strictEqual(test.count("gossip_restarts"), 0)
    }))

  it.effect("is restarted after a defect, without the message that broke it", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const first = test.machine()
      const frame = Frame.assemble(cluster, [
        Frame.encodeMessage({ _tag: "Ack", nonce: 1 }),
        Frame.encodeMessage({ _tag: "Ack", nonce: 13 }),
        Frame.encodeMessage({ _tag: "Ack", nonce: 2 })
      ])
      yield* Effect.andThen(test.remote.send(here, frame), test.settle)
      assert.deepStrictEqual(test.events, ["started", "got Ack"])
      yield* TestClock.adjust("1 second")
      // the message behind the one that broke it is handled by the machine that took its place
      assert.deepStrictEqual(test.events, ["started", "got Ack", "started", "got Ack"])
      assert.strictEqual(test.restarts.length, 1)
      assert.strictEqual(test.restarts[0]![0], first)
      assert.strictEqual(test.restarts[0]![1], test.machine())
      assert.strictEqual(test.machine().birth.previous, first)
      assert.strictEqual(test.machine().birth.restarts, 1)
      assert.strictEqual(test.count("gossip_restarts"), 1)
      assert.strictEqual(test.count("gossip_drops", "Defect"), 1)
    }))

  it.effect("gives commands under way to the machine that takes over, and fails the one that broke it", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const waiting = yield* Effect.forkChild(test.command({ _tag: "Never" }))
      const breaking = yield* Effect.forkChild(Effect.flip(test.command({ _tag: "Break" })))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(breaking)
      assert.strictEqual(error.reason._tag, "Broken")
      assert.isTrue(test.machine().inputs.some((input) => input._tag === "Commanded" && input.command._tag === "Never"))
      assert.isUndefined(waiting.pollUnsafe())
      const echo = yield* Effect.forkChild(test.command({ _tag: "Echo", text: "still here" }))
      yield* test.settle
      assert.strictEqual(yield* Fiber.join(echo), "still here")
      yield* Fiber.interrupt(waiting)
    }))

  it.effect("gives up when its policy ends: says its last words, and fails for all who wait", () =>
    Effect.gen(function*() {
      const test = yield* setup({ defectRetryPolicy: Schedule.recurs(2) })
      const failure = yield* Effect.forkChild(Effect.flip(test.node.failure))
      const waiting = yield* Effect.forkChild(Effect.flip(test.command({ _tag: "Never" })))
      for (let i = 0; i < 3; i++) yield* test.send({ _tag: "Ack", nonce: 13 })
      const error = yield* Fiber.join(failure)
      assert(error.reason._tag === "GaveUp")
      assert.strictEqual(error.reason.restarts, 2)
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "GaveUp")
      assert.strictEqual((yield* Effect.flip(test.command({ _tag: "Echo", text: "" }))).reason._tag, "GaveUp")
      assert.deepInclude(test.received, { _tag: "Ack", nonce: 99 })
    }))

  it.effect("drops datagrams' messages that its mailbox has no room for, counted", () =>
    Effect.gen(function*() {
      const test = yield* setup({ mailboxCapacity: 16 })
      const message = Frame.encodeMessage({ _tag: "Ack", nonce: 1 })
      const frame = Frame.assemble(cluster, Array.from({ length: 40 }, () => message))
      yield* Effect.andThen(test.remote.send(here, frame), test.settle)
      assert.strictEqual(test.count("gossip_drops", "MailboxFull"), 24)
      assert.strictEqual(test.events.filter((event) => event === "got Ack").length, 16)
    }))

  it.effect("says its last words when it is closed, fails what waits, and takes its metrics away", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const waiting = yield* Effect.forkChild(Effect.flip(test.command({ _tag: "Never" })))
      yield* test.settle
      assert.isAbove(test.series(), 0)
      yield* Scope.close(test.nodeScope, Exit.void)
      yield* test.settle
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "Stopped")
      assert.deepInclude(test.received, { _tag: "Ack", nonce: 99 })
      assert.strictEqual(test.series(), 0)
      assert.strictEqual((yield* Effect.flip(test.command({ _tag: "Echo", text: "" }))).reason._tag, "Stopped")
    }))

  it.effect("hears a claim again that its mailbox had no room for", () =>
    Effect.gen(function*() {
      const test = yield* setup({ mailboxCapacity: 16 }, ["Ack"])
      const acks = Array.from({ length: 40 }, (_, nonce) => Frame.encodeMessage({ _tag: "Ack", nonce: 100 + nonce }))
      yield* Effect.andThen(test.remote.send(here, Frame.assemble(cluster, acks)), test.settle)
      assert.strictEqual(test.count("gossip_drops", "MailboxFull"), 24)
      for (let nonce = 100; nonce < 140; nonce++) yield* test.send({ _tag: "Ack", nonce })
      const nonces = test.machine().inputs.flatMap((input) =>
        input._tag === "Received" && input.message._tag === "Ack" ? [input.message.nonce] : []
      )
      // each of the 40 once, and none of them twice
      assert.deepStrictEqual(nonces.toSorted((a, b) => a - b), Array.from({ length: 40 }, (_, i) => 100 + i))
      assert.strictEqual(test.count("gossip_duplicates"), 16)
    }))

  it.effect("loses no command when the machine that takes over breaks on one of them", () =>
    Effect.gen(function*() {
      const test = yield* setup({ defectRetryPolicy: Schedule.recurs(3) })
      const waiting = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkChild(Effect.flip(test.command({ _tag: "Never" }))))
      yield* test.settle
      Probe.breakOnNever = true
      yield* test.send({ _tag: "Ack", nonce: 13 })
      yield* TestClock.adjust("1 minute")
      Probe.breakOnNever = false
      const reasons = yield* Effect.forEach(waiting, (fiber) =>
        Effect.map(Fiber.join(fiber), (error) =>
          error.reason._tag))
      assert.deepStrictEqual(reasons, ["Broken", "Broken", "Broken"])
    }))

  it.effect("counts defects anew once it has run soundly", () =>
    Effect.gen(function*() {
      const test = yield* setup({ defectRetryPolicy: Schedule.recurs(2) })
      for (let life = 0; life < 4; life++) {
        yield* test.send({ _tag: "Ack", nonce: 13 })
        for (let i = 0; i < 150; i++) {
          yield* test.remote.send(here, Frame.encode(cluster, { _tag: "Ack", nonce: 1000 + i }))
        }
        yield* test.settle
      }
      assert.strictEqual(test.count("gossip_restarts"), 4)
      const echo = yield* Effect.forkChild(test.command({ _tag: "Echo", text: "alive" }))
      yield* test.settle
      assert.strictEqual(yield* Fiber.join(echo), "alive")
    }))

  it.effect("refuses requests at once when it has given up", () =>
    Effect.gen(function*() {
      const test = yield* setup({ defectRetryPolicy: Schedule.recurs(0) })
      yield* test.send({ _tag: "Ack", nonce: 13 })
      const request = Frame.encode(cluster, { _tag: "SyncRequest", id: "b", address: peer, table: 1 })
      const fiber = yield* Effect.forkChild(Effect.flip(test.remote.exchange(here, request)))
      yield* test.settle
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "Refused")
    }))

  it.effect("fails the commands of a protocol whose scope has closed", () =>
    Effect.gen(function*() {
      const test = yield* setup()
      const scope = yield* Scope.make()
      const other: Protocol<Command, string, string, Probe> = { ...protocol, name: "other", handles: ["PingRequest"] }
      const attached = yield* Scope.provide(
        test.node.attach(other, { onEvent: () => {}, onRestart: () => {} }),
        scope
      )
      const waiting = yield* Effect.forkChild(Effect.flip(attached.command({ _tag: "Never" })))
      yield* test.settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "Stopped")
      const late = yield* Effect.forkChild(Effect.flip(attached.command({ _tag: "Never" })))
      yield* test.settle
      assert.strictEqual((yield* Fiber.join(late)).reason._tag, "Stopped")
      assert.strictEqual(attached.machine().inputs.at(-1)?._tag, "Commanded")
    }))

  it.effect("goes on sending and receiving when the transport breaks on a datagram", () =>
    Effect.gen(function*() {
      const test = yield* setup({}, [], (transport) => {
        let broken = 0
        return {
          ...transport,
          send: (to, datagram) =>
            Effect.suspend(() => broken++ === 0 ? Effect.die(new Error("broken send")) : transport.send(to, datagram)),
          datagrams: Effect.map(transport.datagrams, (receiver) => ({
            ...receiver,
            pull: Effect.flatMap(receiver.pull, (packets) =>
              packets[0].payload.length === 1 ? Effect.die(new Error("broken pull")) : Effect.succeed(packets))
          }))
        }
      })
      yield* test.send({ _tag: "Ping", nonce: 1, target: "a", table: 0 })
      yield* test.send({ _tag: "Ping", nonce: 2, target: "a", table: 0 })
      assert.deepStrictEqual(test.received, [{ _tag: "Ack", nonce: 2 }])
      yield* Effect.andThen(test.remote.send(here, new Uint8Array(1)), test.settle)
      yield* TestClock.adjust("1 second")
      yield* test.send({ _tag: "Ping", nonce: 3, target: "a", table: 0 })
      assert.deepStrictEqual(test.received, [{ _tag: "Ack", nonce: 2 }, { _tag: "Ack", nonce: 3 }])
      assert.strictEqual(test.count("gossip_drops", "SendFailed"), 1)
    }))

  it.effect("makes a span of each exchange, begun and served", () =>
    Effect.gen(function*() {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const test = yield* Effect.provideService(setup(), Tracer.Tracer, tracer)
      const serving = yield* Effect.forkScoped(Effect.scoped(Effect.andThen(
        test.remote.serve((_, request) => Effect.succeed(request)),
        Effect.never
      )))
      yield* test.settle
      yield* test.send({ _tag: "Ack", nonce: 21 })
      yield* test.settle
      const request = Frame.encode(cluster, { _tag: "SyncRequest", id: "b", address: peer, table: 1 })
      const asking = yield* Effect.forkChild(test.remote.exchange(here, request))
      yield* test.settle
      yield* Fiber.join(asking)
      yield* Fiber.interrupt(serving)
      const begun = spans.find((span) => span.name === "gossip.exchange")!
      assert.strictEqual(begun.attributes.get("to"), peer)
      assert.strictEqual(begun.attributes.get("node"), "a")
      assert.strictEqual(begun.attributes.get("kind"), "SyncRequest")
      assert.strictEqual(begun.status._tag, "Ended")
      const served = spans.find((span) => span.name === "gossip.serve")!
      // its end of the stream, which has a port of its own
      assert.strictEqual(Address.parts(served.attributes.get("from") as Address.Address).host, Address.parts(peer).host)
      assert.strictEqual(served.attributes.get("node"), "a")
      // the answer came from a peer that only echoes: it is an answer all the same
      assert.include(test.events, "SyncRequest")
    }))

  it.effect("hears what is sent as soon as it is made", () =>
    Effect.gen(function*() {
      const open = yield* network
      const remote = yield* open(peer)
      const node = yield* Node.make({ id: "a", cluster: "default", ...Node.defaults }).pipe(
        Effect.provideService(Transport, yield* open(here))
      )
      yield* remote.send(here, Frame.encode(cluster, { _tag: "Ack", nonce: 1 }))
      const events: Array<string> = []
      yield* node.attach(protocol, { onEvent: (event) => events.push(event), onRestart: () => {} })
      yield* Effect.forEach([1, 2, 3, 4, 5], () => TestClock.adjust("1 millis"), { discard: true })
      assert.deepStrictEqual(events, ["started", "got Ack"])
    }))
})
