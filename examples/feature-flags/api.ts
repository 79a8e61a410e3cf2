/**
 * The flags over HTTP. With `stable` an answer waits until all live members have the write, or says who is not known to.
 */
import type { ReplicatedMap } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type { NotStable } from "@effect-gossip/core/replication/ReplicaError"
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import { HttpRouter, type HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Stream from "effect/Stream"
import { Flag, Flags } from "./flags.ts"

export const usage = `GET    /flags                  all flags
GET    /flags/NAME
PUT    /flags/NAME?stable=5s   {"on": true, "share": 0.25}
DELETE /flags/NAME?stable=5s
GET    /events                 all flags, and then what changes, as server-sent events
GET    /members                who is in the cluster
`

// -----------------------------------------------------------------------------
// answers
// -----------------------------------------------------------------------------

const json = (body: unknown, status = 200) => Effect.orDie(HttpServerResponse.json(body, { status }))
const problem = (status: number, error: string) => json({ error }, status)

type Failure = ReplicatedMap.ReplicatedMapError | HttpServerError.HttpServerError | Schema.SchemaError

const explain = (failure: Failure) => {
  if (Schema.isSchemaError(failure)) return problem(400, failure.message)
  switch (failure.reason._tag) {
    case "InvalidKey":
    case "InvalidValue":
      return problem(400, failure.message)
    case "RequestParseError":
      return problem(400, "the body is not JSON, or larger than 16 KiB")
    case "EntryTooLarge":
      return problem(413, failure.message)
    case "ReplicaFull":
      return problem(507, failure.message)
    default:
      return problem(503, failure.message)
  }
}

// -----------------------------------------------------------------------------
// writes
// -----------------------------------------------------------------------------

const units = { ms: 1, s: 1000, m: 60_000 } as const

/** For instance `500ms`, `5s` or `1m`. */
const ShortDuration = Schema.String.check(
  // no longer than may be waited for, which would be found out after the write
  Schema.isPattern(/^(\d{1,6}ms|\d{1,4}s|\d{1,2}m)$/, { expected: "a time such as 500ms, 5s or 1m, below 100m" })
).pipe(
  Schema.decodeTo(
    Schema.Duration,
    SchemaTransformation.transform({
      decode: (text) => {
        const [, count, unit] = /^(\d+)(\w+)$/.exec(text)!
        return Duration.millis(Number(count) * units[unit as keyof typeof units])
      },
      encode: (duration) => `${Duration.toMillis(duration)}ms`
    })
  )
)

const Wait = Schema.Struct({ stable: Schema.optionalKey(ShortDuration) })

const name = Effect.map(HttpRouter.params, (params) => params["name"] ?? "")

/** Writes, and waits until all have it, if that is asked for. */
const written = Effect.fnUntraced(function*<E, R>(
  write: Effect.Effect<ReplicatedMap.Version, E, R>
) {
  const flags = yield* Flags
  const { stable } = yield* HttpServerRequest.schemaSearchParams(Wait, { onExcessProperty: "error" })
  const version = yield* write
  if (stable === undefined) return yield* json({ written: true })
  const missing = yield* flags.awaitStable(version, { timeout: stable }).pipe(
    Effect.as(Option.none<NotStable>()),
    Effect.catchTag(
      "ReplicatedMapError",
      (error) => error.reason._tag === "NotStable" ? Effect.succeed(Option.some(error.reason)) : Effect.fail(error)
    )
  )
  return yield* Option.match(missing, {
    onNone: () => json({ written: true, stable: true }),
    // it stands, and goes on spreading
    onSome: ({ lacking, message }) => json({ written: true, stable: false, message, lacking }, 202)
  })
})

// -----------------------------------------------------------------------------
// routes
// -----------------------------------------------------------------------------

const sorted = <A>(entries: ReadonlyArray<readonly [string, A]>) =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))

const list = Effect.gen(function*() {
  const flags = yield* Flags
  return yield* json(sorted(yield* flags.entries))
})

const get = Effect.gen(function*() {
  const flags = yield* Flags
  const key = yield* name
  return yield* Option.match(yield* flags.get(key), {
    onNone: () => problem(404, `there is no flag ${key}`),
    onSome: (flag) => json(flag)
  })
})

/** Nobody is to fill the memory of the process. */
const maxBodySize = ByteSize.fromInputUnsafe("16 KiB")

const put = Effect.gen(function*() {
  const flags = yield* Flags
  const flag = yield* Effect.provideService(
    HttpServerRequest.schemaBodyJson(Flag, { onExcessProperty: "error" }),
    HttpServerRequest.MaxBodySize,
    maxBodySize
  )
  return yield* written(flags.set(yield* name, flag))
})

const remove = Effect.gen(function*() {
  const flags = yield* Flags
  return yield* written(flags.delete(yield* name))
})

const eventOf = (change: ReplicatedMap.Change<string, Flag>): Sse.Event => {
  const event = (event: string, data: unknown): Sse.Event => ({
    _tag: "Event",
    event,
    id: undefined,
    data: JSON.stringify(data)
  })
  switch (change._tag) {
    case "Set":
      return event("set", { name: change.key, flag: change.value })
    case "Deleted":
      return event("deleted", { name: change.key })
    case "Lagged":
      return event("lagged", {})
  }
}

const events = Effect.gen(function*() {
  const flags = yield* Flags
  return HttpServerResponse.stream(
    flags.changes({ withPresent: true }).pipe(
      Stream.map((change) => Sse.encoder.write(eventOf(change))),
      Stream.encodeText
    ),
    { contentType: "text/event-stream", headers: { "cache-control": "no-store" } }
  )
})

const members = Effect.gen(function*() {
  const membership = yield* Membership
  const members = yield* membership.members
  return yield* json(sorted(members.map(({ id, status }) => [id, status])))
})

const route = <R>(
  method: "GET" | "PUT" | "DELETE",
  path: HttpRouter.PathInput,
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, Failure, R>
) => HttpRouter.add(method, path, Effect.catch(handler, explain))

/** Serves the flags of this process. */
export const layer = HttpRouter.serve(
  Layer.mergeAll(
    route("GET", "/", Effect.succeed(HttpServerResponse.text(usage))),
    route("GET", "/flags", list),
    route("GET", "/flags/:name", get),
    route("PUT", "/flags/:name", put),
    route("DELETE", "/flags/:name", remove),
    route("GET", "/events", events),
    route("GET", "/members", members)
  ),
  { disableLogger: true, disableListenLog: true }
)
