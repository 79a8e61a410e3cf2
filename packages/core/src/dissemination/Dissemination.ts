/**
 * What is new, told to the whole cluster: bytes under the name of a topic. Applications hold a `Topic`, which adds types.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as GossipMetrics from "../GossipMetrics.ts"
import { isLive } from "../membership/Member.ts"
import { Membership } from "../membership/Membership.ts"
import type { MembershipEvent } from "../membership/MembershipEvent.ts"
import { Node } from "../node/Node.ts"
import type { NodeError } from "../node/NodeError.ts"
import { DisseminationError, PayloadTooLarge, TopicTaken } from "./DisseminationError.ts"
import { type DisseminationCommand, makeProtocol } from "./DisseminationMachine.ts"
import { DisseminationOptions } from "./DisseminationOptions.ts"
import { PeerList } from "./internal/peers.ts"
import { reportMetrics } from "./internal/service/metrics.ts"
import { builtIn } from "./internal/service/strategies.ts"
import { PeerSelection } from "./PeerSelection.ts"
import type { SpreadReport } from "./SpreadReport.ts"
import { type Rumor, Strategy } from "./Strategy.ts"

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** Takes part in a topic. */
export interface Subscription {
  /**
   * What the node is told of: once each within the dedup window. It runs in the node's loop, and must only note it. Should it
   * throw, that is logged, and counted as `SubscriberDefect`.
   */
  readonly onRumor: (rumor: Rumor) => void
  /** How rumors of the topic spread that are published here. Without one they spread as the node's do. */
  readonly strategy?: Strategy | undefined
}

/**
 * The dissemination of a node. It relays what others publish, whether or not it takes part in their topics, and lives
 * through restarts of the node.
 */
export class Dissemination extends Context.Service<Dissemination, {
  /**
   * Publishes bytes, which must not be changed afterwards, and returns the rumor's id once the node has begun to spread
   * them. Who subscribed here is told as well. Fails with `PayloadTooLarge`, and when the node has ended or breaks.
   */
  readonly publish: (topic: string, payload: Uint8Array) => Effect.Effect<number, DisseminationError>

  /** Takes part in a topic until the scope closes. Fails with `TopicTaken`. */
  readonly subscribe: (
    topic: string,
    subscription: Subscription
  ) => Effect.Effect<void, DisseminationError, Scope.Scope>

  /** What this node has counted, by the names of strategies; `anti-entropy` is one of them. */
  readonly reports: Effect.Effect<ReadonlyMap<string, SpreadReport>>

  /** Counts something that was dropped, in `gossip_drops`. */
  readonly drop: (reason: string) => void

  /** Waits for the node to end, and fails with why: `GaveUp`, or `Stopped` when it is closed. */
  readonly failure: Effect.Effect<never, DisseminationError>
}>()("@effect-gossip/core/dissemination/Dissemination") {}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

const because = ({ reason }: NodeError) => new DisseminationError({ reason })

/** Runs the dissemination of a node until the scope closes. */
export const make = Effect.gen(function*() {
  const node = yield* Node
  const membership = yield* Membership
  const options = yield* DisseminationOptions
  const selection = yield* PeerSelection
  const strategies = yield* builtIn
  const strategy = (yield* Strategy) ?? strategies[0]
  const peers = new PeerList()
  const topics = new Map<string, Subscription>()

  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let noteStrategies: () => void = constVoid
  const { command, machine } = yield* node.attach(
    makeProtocol({ ...options, peers, selection, strategy, strategies }),
    {
      onEvent: ({ rumor }) => {
        noteStrategies()
        // what breaks here is not the node's, nor of those who hold other topics
        try {
          topics.get(rumor.topic)?.onRumor(rumor)
        } catch (defect) {
          node.drop("SubscriberDefect")
          fork(Effect.logError(`who subscribed to topic ${rumor.topic} broke`, defect))
        }
      },
      // what broke may not have told it to its successor
      onRestart: () => {
        for (const [topic, { strategy }] of topics) if (strategy !== undefined) fork(configure(topic, strategy))
      }
    }
  )
  noteStrategies = reportMetrics(node, machine)
  noteStrategies()
  node.gauge(GossipMetrics.rumorsHeld, {}, () => machine().held.rumors)
  node.gauge(GossipMetrics.rumorBytesHeld, {}, () => machine().held.bytes)
  node.gauge(GossipMetrics.rumorsWanted, {}, () => machine().wanted)

  const ask = (request: DisseminationCommand) => Effect.mapError(command(request), because)
  // a node that has ended knows it no more
  const configure = (topic: string, strategy: Strategy | undefined) =>
    Effect.ignore(ask({ _tag: "Configure", topic, strategy }))

  /** Members that were out of reach when last heard of. */
  const lost = new Set<string>()
  const follow = Effect.fnUntraced(function*(event: MembershipEvent) {
    if (event._tag === "Conflict" || event.member.id === node.id) return
    const { address, id } = event.member
    if (!isPeer(event)) {
      peers.delete(id)
      if (event._tag === "Died") lost.add(id)
      else lost.delete(id)
      return
    }
    peers.set(id, address)
    // what either has missed meanwhile need not wait until one of them happens to talk to the other
    if (lost.delete(id)) yield* Effect.ignore(ask({ _tag: "Reunite", peer: { id, address } }))
  })
  yield* membership.changes.pipe(
    Stream.runForEach(follow),
    // they end and fail with the node
    Effect.ignore,
    Effect.forkScoped({ startImmediately: true })
  )

  return Dissemination.of({
    publish: Effect.fnUntraced(function*(topic, payload) {
      const result = yield* ask({ _tag: "Publish", topic, payload, strategy: topics.get(topic)?.strategy })
      if (result._tag === "Published") return result.id
      const { limit, size } = result as Extract<typeof result, { readonly _tag: "TooLarge" }>
      return yield* new DisseminationError({ reason: new PayloadTooLarge({ size, limit }) })
    }),
    subscribe: Effect.fnUntraced(function*(topic, subscription) {
      const { strategy } = subscription
      yield* Effect.acquireRelease(
        Effect.suspend(() =>
          topics.has(topic)
            ? Effect.fail(new DisseminationError({ reason: new TopicTaken({ topic }) }))
            : Effect.succeed(topics.set(topic, subscription))
        ),
        () => Effect.sync(() => topics.delete(topic))
      )
      if (strategy === undefined) return
      yield* Effect.acquireRelease(
        configure(topic, strategy),
        () => Effect.timeoutOption(configure(topic, undefined), "1 second")
      )
    }),
    reports: Effect.sync(() => machine().reports()),
    drop: node.drop,
    failure: Effect.mapError(node.failure, because)
  })
})

const isPeer = (event: Exclude<MembershipEvent, { readonly _tag: "Conflict" }>): boolean =>
  event._tag !== "Reaped" && isLive(event.member)

// -----------------------------------------------------------------------------
// layers
// -----------------------------------------------------------------------------

/**
 * Runs the dissemination with the layer's scope: by the `Strategy`, the `PeerSelection` and the `DisseminationOptions` that
 * are provided to it, or their defaults. `Gossip.layer` has it.
 */
export const layer: Layer.Layer<Dissemination, never, Node | Membership> = Layer.effect(Dissemination, make)
