/**
 * A node: one supervised fiber that runs protocols.
 *
 * It waits for its mailbox or its next timer, steps the protocol that owns the input, and performs what came out.
 * Inputs are handled one at a time, and nothing of the application runs inside that loop. Reading and writing the
 * transport, exchanges and log lines are fibers of their own, which live and end with the node.
 *
 * A defect in a step is logged with its cause and counted; the node is then restarted by `defectRetryPolicy`,
 * without the message that broke it. When the policy ends, the node leaves where it still can, and `failure` fails.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Address } from "../Address.ts"
import * as GossipMetrics from "../GossipMetrics.ts"
import { Transport, type TransportError } from "../Transport.ts"
import { clusterHash } from "../wire/Frame.ts"
import {
  Actor,
  type AnyMachine,
  type AnyProtocol,
  type LogLine,
  type Mail,
  type Outgoing,
  type Request,
  type Slot
} from "./internal/actor.ts"
import { Counters } from "./internal/counters.ts"
import { Inbox } from "./internal/inbox.ts"
import { makeIncoming } from "./internal/incoming.ts"
import { makeExchanges, unanswered, writing } from "./internal/outgoing.ts"
import type { Shared } from "./internal/shared.ts"
import { GaveUp, NodeError, Stopped } from "./NodeError.ts"
import type { Machine, Protocol } from "./Protocol.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How a node is run. */
export interface Options {
  /** The node's name: 1 to 128 bytes of UTF-8, without white space and control characters. */
  readonly id: string
  /** The cluster's name, of the same form. Nodes of other clusters are not heard. */
  readonly cluster: string
  /** Most messages that wait to be handled; further ones of peers are dropped, and counted. */
  readonly mailboxCapacity: number
  /** Most datagrams that wait to be sent; further ones are dropped, and counted. */
  readonly sendCapacity: number
  /** Most exchanges that this node has open towards peers at a time; further ones wait. */
  readonly maxExchanges: number
  /** When, and how often, a node is restarted after a defect. */
  readonly defectRetryPolicy: Schedule.Schedule<unknown, unknown>
}

/** The defaults of {@link Options}. */
export const defaults = {
  mailboxCapacity: 4096,
  sendCapacity: 4096,
  maxExchanges: 32,
  defectRetryPolicy: Schedule.min([Schedule.exponential(500, 1.5), Schedule.spaced("10 seconds")])
} as const satisfies Partial<Options>

/** A protocol that a node runs. */
export interface Attached<Command, Result, M> {
  /** Gives the protocol a command, and waits until it is done. */
  readonly command: (command: Command) => Effect.Effect<Result, NodeError>
  /** The machine that runs now: another one after a restart. It is only to be read. */
  readonly machine: () => M
}

/** Log lines that may wait to be written. */
const logCapacity = 256

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** The node that protocols attach to. */
export class Node extends Context.Service<Node, {
  /** The node's name. */
  readonly id: string
  /** The address it advertises. */
  readonly address: Address
  /** Bytes of messages that fit a datagram. */
  readonly maxMessageSize: number

  /**
   * Runs a protocol in the node until the scope closes; the protocol then says its last words. Events are handed
   * over inside the node's loop: the callbacks must only note them. `onRestart` gets the machine that broke and the
   * one that took its place.
   */
  readonly attach: <Command, Event, Result, M extends Machine<Command, Event, Result>>(
    protocol: Protocol<Command, Event, Result, M>,
    handlers: {
      readonly onEvent: (event: Event) => void
      readonly onRestart: (before: M, now: M) => void
    }
  ) => Effect.Effect<Attached<Command, Result, M>, never, Scope.Scope>

  /** Registers a value that is read when metrics are, as a gauge with the node's attributes. */
  readonly gauge: (
    metric: Parameters<Counters["gauge"]>[0],
    attributes: { readonly [name: string]: string },
    read: () => number
  ) => void

  /** Registers a count that is read when metrics are, as a counter with the node's attributes. */
  readonly counter: (
    metric: Parameters<Counters["counter"]>[0],
    attributes: { readonly [name: string]: string },
    read: () => number
  ) => void

  /** Counts something that was dropped, in `gossip_drops`. */
  readonly drop: (reason: string) => void

  /** Waits for the node to end: it fails with `GaveUp` when `defectRetryPolicy` has ended, `Stopped` when it is closed. */
  readonly failure: Effect.Effect<never, NodeError>
}>()("@effect-gossip/core/node/Node") {}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Runs a node until the scope closes. */
export const make = Effect.fnUntraced(function*(options: Options) {
  const transport = yield* Transport
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const context = yield* Effect.context<never>()
  const scope = yield* Effect.scope
  const counters = new Counters(context, { node: options.id })
  yield* Effect.addFinalizer(() => Effect.sync(() => counters.remove()))

  const cluster = clusterHash(options.cluster)
  const dispatcher = yield* Effect.withFiber((fiber) => Effect.succeed(fiber.currentDispatcher))
  const mailbox = new Inbox<Mail>(options.mailboxCapacity, dispatcher)
  const outgoing = new Inbox<Outgoing>(options.sendCapacity, dispatcher)
  const logs = yield* Queue.bounded<LogLine>(logCapacity)
  const failed = yield* Deferred.make<never, NodeError>()
  let requests: Array<Request> = []
  let ended: NodeError | undefined

  const now = (): number => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000
  const annotated = Effect.annotateLogs({ node: options.id })
  const fork = Effect.runForkWith(context)
  const run = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkIn(annotated(effect), scope)

  const actor = new Actor({
    id: options.id,
    address: transport.address,
    cluster,
    maxDatagramSize: transport.maxDatagramSize,
    maxExchangeSize: transport.maxExchangeSize,
    random,
    counters,
    hands: {
      send: (datagram) => outgoing.offer(datagram),
      request: (request) => requests.push(request),
      log: (line) => Queue.offerUnsafe(logs, line)
    }
  })
  counters.gauge(GossipMetrics.mailboxSize, {}, () => mailbox.size)
  counters.gauge(GossipMetrics.sendQueueSize, {}, () => outgoing.size)
  counters.gauge(GossipMetrics.mailboxPeak, {}, () => mailbox.peak)
  counters.gauge(GossipMetrics.sendQueuePeak, {}, () => outgoing.peak)

  const shared: Shared = { options, cluster, transport, actor, counters, mailbox, hasEnded: () => ended !== undefined }
  const incoming = makeIncoming(shared, random)
  const exchanges = yield* makeExchanges(shared)
  const write = writing(shared, outgoing)

  const writeLogs = Effect.gen(function*() {
    while (true) {
      for (const { level, text } of yield* Queue.takeAll(logs)) yield* Effect.logWithLevel(level)(text)
    }
  })

  // ---------------------------------------------------------------------------
  // the loop
  // ---------------------------------------------------------------------------

  let armed = Infinity
  let sleeper: Fiber.Fiber<void> | undefined

  const ring = Effect.sync(() => {
    armed = Infinity
    mailbox.wake()
  })

  const arm = () => {
    sleeper?.interruptUnsafe()
    armed = actor.timers.next
    // whole microseconds: a shorter sleep could end before the clock has moved
    const delay = Math.max(0, Math.ceil((armed - now()) * 1000) / 1000)
    sleeper = fork(Effect.andThen(clock.sleep(Duration.millis(delay)), ring))
  }
  yield* Effect.addFinalizer(() => Effect.sync(() => sleeper?.interruptUnsafe()))

  const loop = Effect.gen(function*() {
    while (true) {
      actor.observeClock(now(), clock.currentTimeMillisUnsafe())
      for (let mail = mailbox.take(); mail !== undefined; mail = mailbox.take()) actor.handle(mail, now())
      actor.fire(now())
      while (requests.length > 0) {
        const begun = requests
        requests = []
        for (const request of begun) {
          const exchange = exchanges.begin(request)
          if (exchange === undefined) actor.handle(unanswered(request, "too many exchanges are open"), now())
          else yield* run(exchange)
        }
      }
      actor.flush()
      if (actor.timers.next < armed) arm()
      yield* mailbox.filled
    }
  })

  let restarts = 0
  let broken = false
  const attempt = Effect.suspend(() => {
    if (broken) {
      restarts++
      counters.add(GossipMetrics.restarts, {})
      actor.restart(now(), clock.currentTimeMillisUnsafe())
      broken = false
    }
    return loop
  })

  // A policy counts the defects that come one upon another: once the node has run soundly, it begins anew.
  const supervised = Effect.gen(function*() {
    let restart = yield* Schedule.toStepWithSleep(options.defectRetryPolicy)
    while (true) {
      const exit = yield* Effect.exit(attempt)
      if (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause)) return
      const wasSound = !broken && actor.isSound
      broken = true
      requests = []
      actor.broke(Cause.squash(exit.cause))
      if (wasSound) restart = yield* Schedule.toStepWithSleep(options.defectRetryPolicy)
      yield* Effect.logError("a defect broke the node; it is restarted without the message that broke it", exit.cause)
      const step = yield* Effect.exit(restart(exit.cause))
      if (step._tag === "Failure") return yield* giveUp(exit.cause)
    }
  })

  const end = (error: NodeError) => {
    if (ended !== undefined) return
    ended = error
    actor.end(now(), error)
    Deferred.doneUnsafe(failed, Effect.fail(error))
    for (let mail = mailbox.take(); mail !== undefined; mail = mailbox.take()) {
      if (mail._tag === "Commanded") Deferred.doneUnsafe(mail.completion, Effect.fail(error))
      if (mail._tag === "Requested") Deferred.doneUnsafe(mail.reply, Effect.succeed(undefined))
    }
  }

  const giveUp = Effect.fnUntraced(function*(cause: Cause.Cause<unknown>) {
    const error = new NodeError({ reason: new GaveUp({ restarts, cause: Cause.squash(cause) }) })
    end(error)
    yield* Effect.logFatal("the node breaks again and again, and is given up", cause)
  })

  // A receiver that fails is opened again: a node without one hears nobody and must not stay silent about it.
  const listening = yield* Deferred.make<void, TransportError>()
  const listen = Effect.scoped(
    Effect.tap(transport.datagrams, () => Deferred.succeed(listening, undefined)).pipe(
      Effect.tapError((error) => Deferred.fail(listening, error)),
      Effect.flatMap(incoming.receive)
    )
  ).pipe(
    Effect.sandbox,
    Effect.tapError((cause) => Effect.logWarning("receiving datagrams failed, and is tried again", cause)),
    Effect.retry(Schedule.min([Schedule.exponential(100), Schedule.spaced("10 seconds")]))
  )

  const writer = yield* run(write)
  yield* run(writeLogs)
  // what is said on closing is still sent, for which the writer, begun earlier, ends later
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => end(new NodeError({ reason: new Stopped() }))).pipe(
      Effect.andThen(Effect.sync(() => outgoing.end())),
      Effect.andThen(Effect.timeoutOption(Fiber.await(writer), "1 second"))
    )
  )
  yield* run(supervised)
  yield* run(listen)
  // whoever has the node may be sent to
  yield* Deferred.await(listening)
  yield* transport.serve((from, request) =>
    Effect.withSpan(annotated(incoming.answer(from, request)), "gossip.serve", {
      attributes: { node: options.id, from }
    })
  )

  return Node.of({
    id: options.id,
    address: transport.address,
    maxMessageSize: actor.room,
    failure: Deferred.await(failed),
    gauge: (metric, attributes, read) => counters.gauge(metric, attributes, read),
    counter: (metric, attributes, read) => counters.counter(metric, attributes, read),
    drop: (reason) => actor.drop(reason),
    attach: (protocol, handlers) =>
      Effect.gen(function*() {
        const slot: Slot = {
          protocol: protocol as unknown as AnyProtocol,
          machine: actor.makeMachine(protocol as unknown as AnyProtocol, now(), clock.currentTimeMillisUnsafe()),
          onEvent: handlers.onEvent as (event: unknown) => void,
          onRestart: handlers.onRestart as unknown as (before: AnyMachine, now: AnyMachine) => void,
          detached: false
        }
        yield* mailbox.put({ _tag: "Attach", slot })
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            if (ended === undefined) actor.farewell(slot, now())
            actor.detach(slot)
          })
        )
        const command = Effect.fnUntraced(function*(command: unknown) {
          if (ended !== undefined) return yield* ended
          const completion = Deferred.makeUnsafe<unknown, NodeError>()
          yield* mailbox.put({ _tag: "Commanded", slot, command, completion })
          // nobody looks into the mailbox of a node that ended meanwhile
          if (shared.hasEnded()) return yield* Deferred.await(failed)
          return yield* Deferred.await(completion)
        })
        // the slot holds the protocol with its types forgotten
        return { command, machine: () => slot.machine } as never
      })
  })
})

/** Runs a node with the layer's scope. */
export const layer = (options: Options): Layer.Layer<Node, TransportError, Transport> =>
  Layer.effect(Node, make(options))
