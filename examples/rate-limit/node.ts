/**
 * One process of the example: a node on UDP that lets through what the limit of all allows, as the lines of its standard input
 * ask it to: `take 40`, `back 20`, `used`.
 *
 *     node node.ts NAME LIMIT [SEED...]
 *
 * It leaves the cluster and ends on SIGTERM, and when its standard input ends.
 */
import { Gossip } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership/Membership"
import { UdpTransport } from "@effect-gossip/transport-udp"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as NodeModule from "node:module"
import * as Limiter from "./limiter.ts"

const Count = Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
const Arguments = Schema.TupleWithRest(Schema.Tuple([Schema.String, Count]), [Schema.String])

const obey = Effect.fnUntraced(function*(line: string) {
  const limiter = yield* Limiter.Limiter
  const [verb, text = "1"] = line.trim().split(" ")
  const count = Option.getOrNull(Schema.decodeOption(Count)(text))
  switch (count === null ? undefined : verb) {
    case "take": {
      let taken = 0
      for (let i = 0; i < count!; i++) if (yield* limiter.take) taken++
      return yield* Console.log(`let through ${taken} of ${count}`)
    }
    case "back":
      yield* limiter.giveBack(count!)
      return yield* Console.log(`gave back ${count}`)
    case "used":
      return yield* Console.log(`${yield* limiter.used} are used`)
    default:
      return yield* Console.log("say: take 40, back 20, or used")
  }
})

const program = Effect.gen(function*() {
  const membership = yield* Membership
  const stdio = yield* Stdio.Stdio
  yield* Console.log(`listens at ${(yield* membership.self).address}`)
  yield* Effect.sync(NodeModule.flushCompileCache)
  yield* membership.changes.pipe(
    Stream.filter((event) => event._tag === "Joined"),
    Stream.runForEach(({ member }) => Console.log(`knows ${member.id}`)),
    Effect.forkScoped
  )
  yield* stdio.stdin.pipe(Stream.decodeText(), Stream.splitLines, Stream.runForEach(obey))
})

const main = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const [name, limit, ...seeds] = yield* Schema.decodeUnknownEffect(Arguments)(yield* stdio.args)
  // one long window, so that what it shows does not depend on when it is run
  const Node = Limiter.layer({ limit, window: "365 days" }).pipe(
    Layer.provideMerge(Gossip.layer({ name, ...(seeds.length > 0 && { seeds }) })),
    Layer.provide(UdpTransport.layer({ host: "127.0.0.1", port: 0 }))
  )
  yield* Effect.provide(program, Node)
})

main.pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(NodeServices.layer, Layer.succeed(Logger.LogToStderr, true))),
  NodeRuntime.runMain
)
