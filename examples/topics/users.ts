/**
 * Users, kept in a database and cached by each process: who changes one tells all to forget it.
 */
import { Topic } from "@effect-gossip/core"
import * as Cache from "effect/Cache"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KeyValueStore, type KeyValueStoreError } from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/** Has all nodes forget a user. */
export class Evict extends Topic.Service<Evict>()("examples/Evict", {
  payload: Schema.Struct({ id: Schema.String })
}) {}

export class Users extends Context.Service<Users, {
  /** A user's name, from the cache where it has it. */
  readonly get: (id: string) => Effect.Effect<string, KeyValueStoreError>
  readonly rename: (id: string, name: string) => Effect.Effect<void, KeyValueStoreError | Topic.TopicError>
}>()("examples/topics/Users") {}

export const layer = Layer.effect(
  Users,
  Effect.gen(function*() {
    const database = yield* KeyValueStore
    const evict = yield* Evict
    const cache = yield* Cache.make({
      lookup: (id: string) =>
        Effect.tap(
          Effect.map(database.get(id), (name) => name ?? "nobody"),
          (name) => Console.log(`read from the database: ${id} is ${name}`)
        ),
      capacity: 1000,
      // a node that is cut off for longer than news is held may miss that something has changed
      timeToLive: "1 minute"
    })

    // what was published here comes here as well
    yield* evict.messages.pipe(
      Stream.runForEach(({ hops, origin, payload: { id } }) =>
        Effect.andThen(
          Cache.invalidate(cache, id),
          Console.log(`forgot ${id}: ${origin} has changed it (${hops} ${hops === 1 ? "hop" : "hops"})`)
        )
      ),
      Effect.forkScoped({ startImmediately: true })
    )

    return Users.of({
      get: (id) => Cache.get(cache, id),
      rename: Effect.fn("Users.rename")(function*(id, name) {
        // in this order: who is told must read what is new
        yield* database.set(id, name)
        yield* evict.publish({ id })
      })
    })
  })
).pipe(Layer.provide(Evict.layer))
