/**
 * What nodes say by key, and `Heartbeat` gossips with their heartbeats: Cassandra's application states, chitchat's
 * key-values. Small things that all are to know of a node: its load, its version, the shards that it serves.
 *
 * Only the node itself sets its values. Each has a version, and newer replace older; a restarted node begins with none, and
 * what its earlier life said goes. They go when the member is forgotten.
 *
 * What is removed is told like a value, and takes a key's place until that is needed for another: the node then says all
 * that it says anew, in a higher incarnation.
 *
 * **Example** (Saying how busy a node is)
 *
 * ```ts import.meta.vitest check
 * import { KeyValues } from "@effect-gossip/core/membership"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const keyValues = yield* KeyValues.KeyValues
 *   yield* keyValues.set("load", "0.7")
 *   return yield* keyValues.get("b", "load")
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { decode } from "../internal/options.ts"
import { InvalidOption } from "../Transport.ts"
import { Key, maxKeyValues, Value } from "../wire/HeartbeatMessage.ts"
import type { Change } from "./internal/heartbeat/state.ts"
import { heartbeatOf } from "./internal/service/heartbeat.ts"
import { Membership } from "./Membership.ts"
import type { MembershipError } from "./MembershipError.ts"

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

export type { Change }

/** What nodes say by key. */
export class KeyValues extends Context.Service<KeyValues, {
  /**
   * Has this node say a value, of at most 512 bytes of UTF-8, under a key of 1 to 128 bytes; it is told from the next round
   * on. Fails with `InvalidOption` for what is longer, and for a 65th key.
   */
  readonly set: (key: string, value: string) => Effect.Effect<void, InvalidOption>

  /** Has this node say nothing under a key any more. */
  readonly remove: (key: string) => Effect.Effect<void>

  /** What a member says under a key. */
  readonly get: (id: string, key: string) => Effect.Effect<Option.Option<string>>

  /** All that a member says: nothing for who is not known. */
  readonly entries: (id: string) => Effect.Effect<ReadonlyMap<string, string>>

  /**
   * Values as they are set and removed, here and elsewhere, from now on. Of a consumer that falls behind by more than 1024 the oldest
   * are dropped: what holds is what `entries` says. The stream fails when the node gives up, and ends when it stops.
   */
  readonly changes: Stream.Stream<Change, MembershipError>
}>()("@effect-gossip/core/membership/KeyValues") {}

/** Changes that a slow consumer may have waiting. */
const changesCapacity = 1024

// -----------------------------------------------------------------------------
// layer
// -----------------------------------------------------------------------------

const isWellFormed = Schema.makeFilter((text: string) =>
  !/\p{Surrogate}/u.test(text) || "a text without lone surrogates"
)
const key = Key.check(isWellFormed)
const value = Value.check(isWellFormed)

/** For nodes that use Heartbeat: fails with `InvalidOption` for those of another protocol. */
export const layer: Layer.Layer<KeyValues, InvalidOption, Membership> = Layer.effect(
  KeyValues,
  Effect.gen(function*() {
    const membership = yield* Membership
    const machine = yield* heartbeatOf("KeyValues", membership)
    const { handle } = machine()
    const { id: own } = yield* membership.self
    const changes = yield* PubSub.sliding<Change>(changesCapacity)
    const listener = (change: Change) => void PubSub.publishUnsafe(changes, change)
    handle.listeners.add(listener)
    yield* Effect.addFinalizer(() => Effect.sync(() => handle.listeners.delete(listener)))

    return KeyValues.of({
      set: Effect.fnUntraced(function*(name, text) {
        const [checked, said] = [yield* decode("key", key, name), yield* decode("value", value, text)]
        if (handle.set(own, checked, said)) return
        return yield* new InvalidOption({
          option: "key",
          problem: `this node says something under ${maxKeyValues} keys already, which is all that it may`
        })
      }),
      remove: (name) => Effect.sync(() => handle.remove(own, name)),
      get: (id, name) => Effect.sync(() => Option.fromUndefinedOr(machine().keyValues(id).get(name))),
      entries: (id) => Effect.sync(() => machine().keyValues(id)),
      changes: Stream.fromPubSub(changes).pipe(
        // which fail and end with the node
        Stream.interruptWhen(Stream.runDrain(membership.changes))
      )
    })
  })
)
