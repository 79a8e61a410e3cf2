/**
 * Whether a node reaches a majority of those who vote, for nodes that use `ClusterBus`: Redis's `cluster_state`.
 *
 * The lesser side of a partition declares nobody dead. Here it says so: whoever must not serve two masters asks before it
 * serves. It is one node's view, and as old as its doubts: a partition shows after `nodeTimeout` and a half at the latest.
 *
 * **Example** (Serving on the greater side only)
 *
 * ```ts import.meta.vitest check
 * import { Gossip } from "@effect-gossip/core"
 * import { ClusterBus, Quorum } from "@effect-gossip/core/membership"
 * import { Effect, Layer } from "effect"
 *
 * const Node = Quorum.layer.pipe(
 *   Layer.provideMerge(Gossip.layer({ name: "a", seeds: ["10.0.0.1:7946"] })),
 *   Layer.provide(ClusterBus.layer({ nodeTimeout: "5 seconds" }))
 * )
 *
 * const mayServe = Quorum.Quorum.use((quorum) => Effect.map(quorum.state, ({ status }) => status === "Ok"))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { InvalidOption } from "../Transport.ts"
import { ClusterBusMachine } from "./internal/clusterBus/machine.ts"
import type { State } from "./internal/clusterBus/quorum.ts"
import { machineOf } from "./internal/service/machines.ts"
import { Membership } from "./Membership.ts"
import type { MembershipError } from "./MembershipError.ts"

export type { State }

/** Whether this node reaches a majority. */
export class Quorum extends Context.Service<Quorum, {
  /** The quorum at present. */
  readonly state: Effect.Effect<State>

  /** The quorum at present, and then each time that it changes. It fails and ends as `Membership.changes` does. */
  readonly changes: Stream.Stream<State, MembershipError>
}>()("@effect-gossip/core/membership/Quorum") {}

/** For nodes that use ClusterBus: fails with `InvalidOption` for those of another protocol. */
export const layer: Layer.Layer<Quorum, InvalidOption, Membership> = Layer.effect(
  Quorum,
  Effect.gen(function*() {
    const membership = yield* Membership
    const machine = machineOf(membership)
    if (!(machine instanceof ClusterBusMachine)) {
      return yield* new InvalidOption({
        option: "protocol",
        problem: "Quorum needs a node that uses ClusterBus: provide ClusterBus.layer() to Gossip.layer"
      })
    }
    // of the machine that runs at present, after a restart another
    const state = () => (machineOf(membership) as ClusterBusMachine).quorum
    // the last one is all that matters: what is handed out is the state of the moment
    const recounts = yield* PubSub.sliding<void>(1)
    const listener = () => void PubSub.publishUnsafe(recounts, undefined)
    machine.handle.listeners.add(listener)
    yield* Effect.addFinalizer(() => Effect.sync(() => machine.handle.listeners.delete(listener)))
    return Quorum.of({
      state: Effect.sync(state),
      changes: Stream.unwrap(Effect.map(PubSub.subscribe(recounts), (recounts) =>
        // it changes with members of whom nobody is told as well: the dead of whom nothing else is known vote
        Stream.merge(membership.changes, Stream.fromSubscription(recounts), { haltStrategy: "left" }))).pipe(
          Stream.map(state),
          Stream.changesWith(isSame)
        )
    })
  })
)

const isSame = (self: State, that: State): boolean =>
  self.status === that.status && self.voters === that.voters && self.reachable === that.reachable
