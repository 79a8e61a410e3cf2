/**
 * What a node replicates: bytes under the names of spaces. Applications hold a `ReplicatedMap` or a `ReplicatedCrdt`, which add
 * types.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { Dissemination } from "../dissemination/Dissemination.ts"
import { PeerList } from "../dissemination/internal/peers.ts"
import { PeerSelection } from "../dissemination/PeerSelection.ts"
import type { Strategy } from "../dissemination/Strategy.ts"
import * as GossipMetrics from "../GossipMetrics.ts"
import { decode } from "../internal/options.ts"
import { isLive } from "../membership/Member.ts"
import { Membership } from "../membership/Membership.ts"
import type { MembershipEvent } from "../membership/MembershipEvent.ts"
import { Node } from "../node/Node.ts"
import type { NodeError } from "../node/NodeError.ts"
import { ClusterName } from "../wire/Message.ts"
import { AntiEntropy } from "./AntiEntropy.ts"
import { MemberList } from "./internal/replica/members.ts"
import {
  EntryTooLarge,
  type Lacking,
  ReplicaError,
  ReplicaFull,
  SpaceClosed,
  SpaceRefused,
  SpaceTaken,
  UpdateFailed
} from "./ReplicaError.ts"
import {
  type Change,
  type Entry,
  makeProtocol,
  type ReplicaCommand,
  type ReplicaEvent,
  type ReplicaMachine,
  type SpaceKind,
  type SpaceLimits,
  type SpaceSize,
  type Version,
  type Write
} from "./ReplicaMachine.ts"
import { ReplicaOptions } from "./ReplicaOptions.ts"
import { memory, ReplicaStore, ReplicaStoreError, type SpaceStore, type Store, StoreFailed } from "./ReplicaStore.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How a space is opened. */
export interface SpaceOptions {
  readonly kind: SpaceKind
  readonly limits: SpaceLimits
  /** Where it is kept; the node's store, where this is undefined. */
  readonly store?: Store | undefined
  /** How new writes spread; as the node's news does, where this is undefined. */
  readonly strategy?: Strategy | undefined
  /** Told of changes. It runs in the node's loop, and must only note them. */
  readonly onChanges: (changes: ReadonlyArray<Change>) => void
  /** Changes may have been missed: the node was restarted after a defect. */
  readonly onRestart: () => void
}

/** How far a write is. */
export interface Progress {
  /** Whether every live member is known to have it. */
  readonly isStable: boolean
  /** How many live members are not known to have it; undefined as long as that is not known. */
  readonly count: number | undefined
  /** The first of them. */
  readonly lacking: ReadonlyArray<Lacking>
}

/** A space that is open. What is read is what this node holds now. */
export interface Space {
  /** The life under which this node writes in it now: another after a restart. */
  readonly incarnation: () => number
  /** What is held under a key, a death certificate included. */
  readonly read: (key: Uint8Array) => Entry | undefined
  /** All that is held, certificates left out, at one moment. */
  readonly entries: () => Iterable<Entry>
  readonly size: () => SpaceSize
  /** Writes of a map, which become visible here together. Gives the version of the last; undefined where nothing changed. */
  readonly write: (writes: ReadonlyArray<Write>) => Effect.Effect<Version | undefined, ReplicaError>
  /**
   * Writes a delta of a CRDT that is made of its state; none where that is undefined. It is made again when the node broke before
   * it was stored, though it may have gone to others by then: whoever made it must then give the same, which merges with itself.
   */
  readonly update: (
    key: Uint8Array,
    mutate: (state: unknown, replica: { readonly node: string; readonly incarnation: number }) => unknown
  ) => Effect.Effect<Version | undefined, ReplicaError>
  /** How far a write is, now and at each change, until it is stable. A slow consumer gets the latest. */
  readonly progress: (version: Version) => Stream.Stream<Progress, ReplicaError>
}

/** What happens to replicas that somebody may want to know of. */
export type News = Extract<
  ReplicaEvent,
  { readonly _tag: "Refused" } | { readonly _tag: "Reset" } | { readonly _tag: "Reconciled" } | {
    readonly _tag: "Purged"
  }
>

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/**
 * The replicas of a node. It sends nothing as long as no space is open, and lives through restarts of the node.
 */
export class Replica extends Context.Service<Replica, {
  /**
   * Opens a space until the scope closes. Fails with `SpaceTaken`, with `InvalidOption` for a name that is not 1 to 120
   * bytes without white space, with `StoreDamaged`, `StoreFailed` or `SpaceRefused`, and when the node has ended or breaks.
   */
  readonly open: (space: string, options: SpaceOptions) => Effect.Effect<Space, ReplicaError, Scope.Scope>

  /**
   * What was refused, dropped, compared and forgotten, from when the stream is run until the node ends; the oldest go where a
   * consumer has more than 256 waiting. What was refused or dropped is logged as well.
   */
  readonly news: Stream.Stream<News>

  /** Counts something that was dropped, in `gossip_drops`. */
  readonly drop: (reason: string) => void

  /** Waits for the node to end, and fails with why: `GaveUp`, or `Stopped` when it is closed. */
  readonly failure: Effect.Effect<never, ReplicaError>
}>()("@effect-gossip/core/replication/Replica") {}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

const because = ({ reason }: NodeError) => new ReplicaError({ reason })
const fail = (reason: ReplicaError["reason"]) => Effect.fail(new ReplicaError({ reason }))

/** What topics are named by which writes spread: no application's begins so. */
const topicPrefix = "replica:"
const maxNameSize = 128 - topicPrefix.length
const SpaceName = ClusterName.check(
  Schema.makeFilter((name: string) =>
    new TextEncoder().encode(name).length <= maxNameSize || `at most ${maxNameSize} bytes`
  )
)

/** Rumors that wait to be handled, and their bytes. What is left out is left to anti-entropy, which costs more than to wait. */
const maxHeard = 4096
const maxHeardBytes = 16 * 1024 * 1024

/** News that a slow consumer may have waiting. */
const newsCapacity = 256

/** Milliseconds between warnings that are alike. */
const warningInterval = 60_000

const commitRetries = Schedule.min([Schedule.exponential(100), Schedule.spaced("10 seconds")])

type Persist = Extract<ReplicaEvent, { readonly _tag: "Persist" }>

/** A space that is open, or is being opened. */
interface Opened {
  readonly options: SpaceOptions
  persist: (batch: Persist) => void
  /** The machine that broke, to be read until its successor holds the space. */
  broken: ReplicaMachine | undefined
  /** Opens it in the machine that there is now. */
  reopen: Effect.Effect<void>
}

/** Runs the replicas of a node until the scope closes. */
export const make = Effect.gen(function*() {
  const node = yield* Node
  const membership = yield* Membership
  const dissemination = yield* Dissemination
  const clock = yield* Clock.Clock
  const options = yield* ReplicaOptions
  const antiEntropy = yield* AntiEntropy
  const selection = yield* PeerSelection
  const nodeStore = (yield* ReplicaStore) ?? memory
  const news = yield* PubSub.sliding<News>(newsCapacity)
  const fork = Effect.runForkWith(yield* Effect.context<never>())

  const peers = new PeerList()
  const members = new MemberList((yield* membership.self).incarnation)
  const spaces = new Map<string, Opened>()
  const watches = new Map<
    number,
    { readonly space: string; readonly watch: Effect.Effect<unknown>; readonly tell: (progress: Progress) => void }
  >()
  const counts = { received: 0, sent: 0, dropped: 0, purged: 0 }
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

  // ---------------------------------------------------------------------------
  // what happens
  // ---------------------------------------------------------------------------

  const warned = new Map<string, number>()
  const warn = (about: string, text: string) => {
    const at = now()
    if (at < (warned.get(about) ?? -Infinity) + warningInterval) return
    if (warned.size >= newsCapacity) warned.clear()
    warned.set(about, at)
    fork(Effect.annotateLogs(Effect.logWarning(text), { node: node.id }))
  }

  const onEvent = (event: ReplicaEvent): void => {
    switch (event._tag) {
      case "Changed":
        return spaces.get(event.space)?.options.onChanges(event.changes)
      case "Persist":
        return spaces.get(event.space)?.persist(event)
      case "Spread":
        return void fork(Effect.ignore(dissemination.publish(`${topicPrefix}${event.space}`, event.batch)))
      case "Stability":
        return watches.get(event.watch)?.tell({ isStable: event.isStable, count: event.count, lacking: event.lacking })
      case "Refused": {
        const { ahead, count, node, reason, space } = event
        warn(
          `${reason} ${node} ${space}`,
          `refused ${count} writes of ${node} in ${space}: ${reason}${
            reason === "ClockAhead" ? `, by ${ahead} ms` : ""
          }`
        )
        break
      }
      case "Reset":
        counts.dropped += event.dropped
        warn(
          `Reset ${event.space} ${event.peer}`,
          `dropped ${event.dropped} entries of ${event.space}: they may have been deleted while this node was away, and ${event.peer} does not have them`
        )
        break
      case "Reconciled":
        counts.received += event.received
        counts.sent += event.sent
        break
      case "Purged":
        counts.purged += event.count
    }
    PubSub.publishUnsafe(news, event)
  }

  const { command, machine } = yield* node.attach(
    makeProtocol({
      members,
      selector: (random) => selection.make(node.id, peers, random),
      antiEntropy,
      ...options
    }),
    {
      onEvent,
      onRestart: (before) => {
        for (const opened of spaces.values()) {
          opened.broken ??= before
          fork(opened.reopen)
        }
      }
    }
  )
  const ask = (request: ReplicaCommand) => Effect.mapError(command(request), because)

  node.counter(GossipMetrics.replicaEntries, { direction: "in" }, () => counts.received)
  node.counter(GossipMetrics.replicaEntries, { direction: "out" }, () => counts.sent)
  node.counter(GossipMetrics.replicaDropped, {}, () => counts.dropped)
  node.counter(GossipMetrics.replicaPurged, {}, () => counts.purged)
  const measured = new Set<string>()
  const measure = (space: string) => {
    if (measured.has(space)) return
    measured.add(space)
    for (const [field, metric] of sizes) node.gauge(metric, { space }, () => machine().size(space)?.[field] ?? 0)
  }

  // ---------------------------------------------------------------------------
  // members
  // ---------------------------------------------------------------------------

  const follow = Effect.fnUntraced(function*(event: MembershipEvent) {
    if (event._tag === "Conflict") return
    const { address, id, incarnation } = event.member
    if (id === node.id) {
      members.incarnation = incarnation
      return
    }
    if (event._tag !== "Reaped" && isLive(event.member)) {
      const wasDead = members.get(id)?.deadSince !== undefined
      peers.set(id, address)
      members.set({ id, address, incarnation, deadSince: undefined })
      // what either has missed meanwhile need not wait until one of them happens to talk to the other
      if (wasDead) yield* Effect.ignore(ask({ _tag: "Reunite", address }))
      return
    }
    peers.delete(id)
    if (event._tag === "Died") {
      if (members.get(id)?.deadSince === undefined) members.set({ id, address, incarnation, deadSince: now() })
    } else if (event._tag === "Left") members.delete(id)
    // who was reaped may come back as well: it counts until the retention has passed
    for (const { deadSince, id } of [...members.all]) {
      if (deadSince !== undefined && deadSince + options.retention < now()) members.delete(id)
    }
  })
  yield* membership.changes.pipe(
    Stream.runForEach(follow),
    // they end and fail with the node
    Effect.ignore,
    Effect.forkScoped({ startImmediately: true })
  )

  // ---------------------------------------------------------------------------
  // spaces
  // ---------------------------------------------------------------------------

  /** Commits what a space is to keep, one after another, until the scope closes. */
  const committing = Effect.fnUntraced(
    function*(space: string, store: SpaceStore, onFailure: (reason: ReplicaError["reason"]) => void) {
      const waiting = yield* Queue.unbounded<Persist>()
      const commit = ({ meta, puts, removes, sequence }: Persist) =>
        Effect.suspend(() => store.commit({ puts, removes, meta })).pipe(
          // one that is broken must not be the last
          Effect.catchDefect((cause) =>
            Effect.fail(new ReplicaStoreError({ reason: new StoreFailed({ space, operation: "commit", cause }) }))
          ),
          Effect.tapError(({ message, reason }) => {
            onFailure(reason)
            warn(`StoreFailed ${space}`, `${message}; it is tried again`)
            return Effect.ignore(ask({ _tag: "CommitFailed", space, sequence }))
          }),
          Effect.retry(commitRetries),
          Effect.andThen(Effect.ignore(ask({ _tag: "Committed", space, sequence })))
        )
      yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(waiting), commit)))
      return (batch: Persist) => void Queue.offerUnsafe(waiting, batch)
    }
  )

  let heard = 0
  let heardBytes = 0
  const hear = (space: string, batch: Uint8Array, origin: string) => {
    if (heard >= maxHeard || heardBytes + batch.length > maxHeardBytes) return node.drop("ReplicaBehind")
    heard++
    heardBytes += batch.length
    const done = Effect.sync(() => {
      heard--
      heardBytes -= batch.length
    })
    fork(Effect.ensuring(Effect.ignore(ask({ _tag: "Heard", space, batch, origin })), done))
  }

  let lastWatch = 0
  const failure = Effect.mapError(node.failure, because)

  const open = Effect.fn("Replica.open")(function*(name: string, options: SpaceOptions) {
    const space = yield* Effect.mapError(
      decode("space", SpaceName, name),
      (reason) => new ReplicaError({ reason })
    )
    const store = options.store ?? nodeStore
    let incarnation = 0
    let isClosed = false
    const ready = yield* Latch.make(false)
    /** Why a commit has failed last. */
    let problem: ReplicaError["reason"] | undefined
    const opened: Opened = { options, persist: constVoid, broken: undefined, reopen: Effect.void }
    const closed = Deferred.makeUnsafe<never, ReplicaError>()
    const close = Effect.sync(() => {
      isClosed = true
      Deferred.doneUnsafe(closed, fail(new SpaceClosed({ space })))
    })
    yield* Effect.acquireRelease(
      Effect.suspend(() => {
        if (spaces.has(space)) return fail(new SpaceTaken({ space }))
        spaces.set(space, opened)
        return Effect.void
      }),
      () => Effect.andThen(close, Effect.sync(() => spaces.delete(space)))
    )
    const stored = yield* Effect.mapError(store.open(space), ({ reason }) => new ReplicaError({ reason }))
    const scope = yield* Effect.scope
    const turn = yield* Semaphore.make(1)
    let generation: Scope.Closeable | undefined

    /** Opens it in the machine that there is, with what is stored, once what is being committed is. */
    const begin = Effect.gen(function*() {
      if (generation !== undefined) yield* Scope.close(generation, Exit.void)
      generation = yield* Scope.fork(scope)
      const { entries, isConsistent, meta } = yield* stored.load
      if (store.isDurable) {
        opened.persist = yield* Scope.provide(committing(space, stored, (reason) => (problem = reason)), generation)
      }
      const result = yield* ask({
        _tag: "Open",
        space,
        kind: options.kind,
        limits: options.limits,
        isDurable: store.isDurable,
        recovered: store.isDurable ? { entries, meta, isWhole: isConsistent } : undefined
      })
      if (result._tag !== "Opened") {
        const problem = result._tag === "Refused" ? result.problem : result._tag
        return yield* fail(new SpaceRefused({ space, problem }))
      }
      // nobody else would
      if (isClosed) return yield* Effect.andThen(Effect.ignore(ask({ _tag: "Close", space })), Deferred.await(closed))
      if (result.damaged > 0) {
        yield* Effect.logWarning(`${result.damaged} stored entries of ${space} were not understood, and are left out`)
      }
      incarnation = result.incarnation
      opened.broken = undefined
      ready.openUnsafe()
    })
    opened.reopen = Effect.suspend(() => {
      // what was asked of the machine before waited in the mailbox, and this one has done it
      if (isClosed || machine().size(space) !== undefined) return Effect.void
      ready.closeUnsafe()
      return begin
    }).pipe(
      Effect.andThen(Effect.sync(() => {
        for (const { space: of, watch } of watches.values()) if (of === space) fork(watch)
        options.onRestart()
      })),
      turn.withPermits(1),
      // or it broke again, and is opened again with the next
      Effect.catchCause((cause) => Effect.logWarning(`${space} could not be opened after a restart`, cause))
    )
    // also where opening it is interrupted, which the machine goes on with
    yield* Effect.addFinalizer(() =>
      Effect.andThen(close, Effect.timeoutOption(Effect.ignore(ask({ _tag: "Close", space })), "1 second"))
    )
    yield* turn.withPermits(1)(begin)
    measure(space)
    yield* Effect.mapError(
      dissemination.subscribe(`${topicPrefix}${space}`, {
        strategy: options.strategy,
        onRumor: ({ hops, origin, payload }) => {
          // its own comes back as it is published
          if (hops > 0) hear(space, payload, origin)
        }
      }),
      // of all else only that somebody has the topic is to be expected
      ({ reason }) =>
        new ReplicaError({
          reason: reason._tag === "TopicTaken" || reason._tag === "PayloadTooLarge" ? new SpaceTaken({ space }) : reason
        })
    )

    /** The node was restarted, and opens it again. */
    const reopened = Effect.raceAllFirst([Deferred.await(closed), ready.await, failure])

    const written = Effect.fnUntraced(
      function*(request: ReplicaCommand): Effect.fn.Return<Version | undefined, ReplicaError> {
        const result = yield* ask(request)
        // whoever is resumed runs within the node's loop, which an application that writes on and on would not let go of
        yield* Effect.yieldNow
        switch (result._tag) {
          case "Written":
            return result.version
          case "TooLarge":
            return yield* fail(new EntryTooLarge({ space, what: result.what, size: result.size, limit: result.limit }))
          case "Full":
            return yield* fail(new ReplicaFull({ space, what: result.what, limit: result.limit }))
          case "Failed":
            return yield* fail(new UpdateFailed({ space, cause: result.cause }))
          case "NotStored":
            return yield* fail(problem!)
          default:
            yield* reopened
            return yield* written(request)
        }
      }
    )

    const reading = () => opened.broken ?? machine()

    const progress = (version: Version): Stream.Stream<Progress, ReplicaError> =>
      Stream.unwrap(Effect.gen(function*() {
        const watch = ++lastWatch
        const latest = yield* Queue.sliding<Progress>(1)
        const begin = ask({ _tag: "Watch", space, watch, version })
        yield* Effect.acquireRelease(
          Effect.sync(() =>
            watches.set(watch, {
              space,
              watch: Effect.ignore(begin),
              tell: (progress) => void Queue.offerUnsafe(latest, progress)
            })
          ),
          () =>
            Effect.andThen(
              Effect.sync(() => watches.delete(watch)),
              Effect.timeoutOption(Effect.ignore(ask({ _tag: "Unwatch", space, watch })), "1 second")
            )
        )
        while ((yield* begin)._tag === "NotOpen") yield* reopened
        return Stream.fromQueue(latest).pipe(
          Stream.takeUntil(({ isStable }) => isStable),
          Stream.interruptWhen(Effect.raceFirst(Deferred.await(closed), failure))
        )
      }))

    return {
      incarnation: () => incarnation,
      read: (key) => reading().read(space, key),
      entries: () => reading().entries(space),
      size: () => reading().size(space) ?? noSize,
      write: (writes) => written({ _tag: "Write", space, writes }),
      update: (key, mutate) => written({ _tag: "Update", space, key, mutate }),
      progress
    } satisfies Space
  })

  return Replica.of({
    open,
    news: Stream.interruptWhen(Stream.fromPubSub(news), Effect.exit(failure)),
    drop: node.drop,
    failure
  })
})

const noSize: SpaceSize = { keys: 0, certificates: 0, bytes: 0 }

const sizes = [
  ["keys", GossipMetrics.replicaKeys],
  ["certificates", GossipMetrics.replicaCertificates],
  ["bytes", GossipMetrics.replicaBytes]
] as const

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Runs the replicas with the layer's scope: by the `ReplicaOptions`, the `AntiEntropy`, the `ReplicaStore` and the
 * `PeerSelection` that are provided to it, or their defaults. `Gossip.layer` has it.
 */
export const layer: Layer.Layer<Replica, never, Node | Membership | Dissemination> = Layer.effect(Replica, make)
