/**
 * One process of the example: a node on UDP that holds the flags, and serves them over HTTP.
 */
import { Gossip } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership/Membership"
import { ReplicaStore } from "@effect-gossip/core/replication"
import { UdpTransport } from "@effect-gossip/transport-udp"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Command, Flag as CliFlag } from "effect/cli"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { HttpServer } from "effect/http"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import * as NodeModule from "node:module"
import * as Api from "./api.ts"
import { Flags } from "./flags.ts"

const port = (name: string, description: string) =>
  CliFlag.Int(name).pipe(
    CliFlag.filter((port) => port >= 0 && port <= 65_535, () => "a port, 0 to 65535"),
    CliFlag.withDescription(`${description}; by default any that is free`),
    CliFlag.withDefault(0)
  )

const flags = {
  name: CliFlag.String("name").pipe(CliFlag.withDescription("The node's name, which no other has")),
  http: port("http", "The port of the HTTP API, on 127.0.0.1"),
  port: port("port", "The port of the node, for UDP and TCP"),
  seeds: CliFlag.String("seed").pipe(
    CliFlag.withDescription("Where to join: host:port of a node that runs. May be given several times"),
    CliFlag.atLeast(0)
  ),
  directory: CliFlag.String("directory").pipe(
    CliFlag.withDescription("Where to keep the flags; without it they are in memory alone"),
    CliFlag.optional
  ),
  onDamage: CliFlag.Literals("on-damage", ["fail", "recover"]).pipe(
    CliFlag.withDescription(
      "What to do where files in the directory are damaged: fail, by default, or recover what is whole"
    ),
    CliFlag.withDefault(ReplicaStore.defaults.onDamage)
  ),
  attended: CliFlag.Boolean("attended").pipe(
    CliFlag.withDescription("End with the standard input"),
    CliFlag.withDefault(false),
    CliFlag.withHidden
  )
}

const run = Effect.fnUntraced(function*(attended: boolean) {
  const membership = yield* Membership
  const server = yield* HttpServer.HttpServer
  const { address } = yield* membership.self
  yield* Console.log(`gossips at ${address}, and listens at ${HttpServer.formatAddress(server.address)}`)
  // what this process has compiled serves those that start after it; one that is killed would not write it
  yield* Effect.sync(NodeModule.flushCompileCache)
  const stdio = yield* Stdio.Stdio
  yield* (attended ? Effect.ignore(Stream.runDrain(stdio.stdin)) : Effect.never)
})

/** Runs one process. */
export const command = Command.make("node", flags, ({ attended, directory, http, name, onDamage, port, seeds }) => {
  const store = Option.match(directory, {
    onNone: () => ReplicaStore.layerMemory,
    onSome: (directory) => ReplicaStore.layerFileSystem({ directory, onDamage })
  })
  const Node = Flags.layer.pipe(
    Layer.provideMerge(Gossip.layer({ name, ...(seeds.length > 0 && { seeds }) })),
    Layer.provide(store),
    Layer.provide(UdpTransport.layer({ host: "127.0.0.1", port }))
  )
  const Server = Api.layer.pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, {
      host: "127.0.0.1",
      port: http,
      gracefulShutdownTimeout: "1 second"
    }))
  )
  return run(attended).pipe(Effect.provide(Server), Effect.provide(Node))
}).pipe(
  Command.withDescription("Runs one process of the example, until Ctrl-C."),
  Command.withExamples([
    { command: "feature-flags node --name a --http 8081 --port 7946", description: "The first" },
    {
      command: "feature-flags node --name b --http 8082 --seed 127.0.0.1:7946 --directory /tmp/b",
      description: "Another, which keeps what it holds"
    },
    { command: `curl -X PUT -d '{"on":true}' '127.0.0.1:8081/flags/dark-mode?stable=5s'`, description: "And a flag" }
  ])
)
