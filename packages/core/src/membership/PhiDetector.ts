/**
 * φ of each member: how surprising it is that `Heartbeat` has not heard of it for so long.
 *
 * A member is dead to the membership once its φ has reached `phiThreshold`. An application that would rather act sooner,
 * or by degrees, takes φ itself (Hayashibara et al. 2004 §2: the detector says how much it suspects, and each application
 * what follows of it): a load balancer may pass over whoever is above 2, while nobody moves data before 12.
 *
 * **Example** (Passing over those who are late)
 *
 * ```ts import.meta.vitest check
 * import { PhiDetector } from "@effect-gossip/core/membership"
 * import { Effect, Option } from "effect"
 *
 * const isPrompt = (id: string) =>
 *   PhiDetector.PhiDetector.use((detector) =>
 *     Effect.map(detector.phi(id), (phi) => Option.isSome(phi) && phi.value < 2)
 *   )
 * ```
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvalidOption } from "../Transport.ts"
import { heartbeatOf } from "./internal/service/heartbeat.ts"
import { Membership } from "./Membership.ts"
import type { MembershipError } from "./MembershipError.ts"

/** φ of each live member other than the node itself, by name. */
export type Phis = ReadonlyMap<string, number>

/** How surprising the silence of each member is. */
export class PhiDetector extends Context.Service<PhiDetector, {
  /** φ of a member at present: 0 when it was heard of just now. None for those who are not there, and the node itself. */
  readonly phi: (id: string) => Effect.Effect<Option.Option<number>>

  /**
   * φ of all at present, and again each `gossipInterval`. A consumer that is slow gets what is the case when it asks. The
   * stream fails when the node gives up, and ends when it stops.
   */
  readonly phis: Stream.Stream<Phis, MembershipError>
}>()("@effect-gossip/core/membership/PhiDetector") {}

/** For nodes that use Heartbeat: fails with `InvalidOption` for those of another protocol. */
export const layer: Layer.Layer<PhiDetector, InvalidOption, Membership> = Layer.effect(
  PhiDetector,
  Effect.gen(function*() {
    const membership = yield* Membership
    const machine = yield* heartbeatOf("PhiDetector", membership)
    // the clock of the node's steps
    const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)
    return PhiDetector.of({
      phi: (id) => Effect.map(now, (now) => Option.fromUndefinedOr(machine().phi(id, now))),
      phis: Stream.tick(machine().config.gossipInterval).pipe(
        Stream.mapEffect(() => Effect.map(now, (now): Phis => machine().phis(now))),
        // which fail and end with the node
        Stream.interruptWhen(Stream.runDrain(membership.changes))
      )
    })
  })
)
