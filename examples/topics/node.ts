/**
 * One process of the example: a node on UDP with a cache, which does what the lines of its standard input say.
 *
 *     node node.ts NAME DIRECTORY [SEED...]
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
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Users from "./users.ts"

const Arguments = Schema.TupleWithRest(Schema.Tuple([Schema.String, Schema.String]), [Schema.String])

const obey = Effect.fnUntraced(function*(line: string) {
  const users = yield* Users.Users
  const [verb, id = "", name = ""] = line.split(" ")
  switch (verb) {
    case "get":
      return yield* Console.log(`${id} is ${yield* users.get(id)}`)
    case "rename":
      return yield* Effect.andThen(users.rename(id, name), Console.log(`renamed ${id} to ${name}`))
  }
})

const program = Effect.gen(function*() {
  const membership = yield* Membership
  const stdio = yield* Stdio.Stdio
  yield* Console.log(`listens at ${(yield* membership.self).address}`)
  yield* membership.changes.pipe(
    Stream.filter((event) => event._tag === "Joined"),
    Stream.runForEach(({ member }) => Console.log(`knows ${member.id}`)),
    Effect.forkScoped
  )
  yield* stdio.stdin.pipe(Stream.decodeText(), Stream.splitLines, Stream.runForEach(obey))
})

const main = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const [name, directory, ...seeds] = yield* Schema.decodeUnknownEffect(Arguments)(yield* stdio.args)
  const Node = Users.layer.pipe(
    Layer.provide(KeyValueStore.layerFileSystem(directory)),
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
