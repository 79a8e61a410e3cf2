import { Gossip } from "@effect-gossip/core"
import { Membership } from "@effect-gossip/core/membership"
import { UdpTransport } from "@effect-gossip/transport-udp"
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Effect, Layer, Stream } from "effect"

const program = Effect.gen(function*() {
  const membership = yield* Membership.Membership
  const self = yield* membership.self
  yield* Console.log(`${self.id} listens at ${self.address}`)

  // who is there, and then every change; Ctrl-C leaves the cluster
  yield* Stream.runForEach(membership.changes, (event) =>
    event._tag === "Conflict"
      ? Console.log(`two nodes are named ${event.id}`)
      : Console.log(`${event._tag}: ${event.member.id}`))
})

// GOSSIP_NAME and GOSSIP_SEEDS say who this node is and where to join
const Node = Gossip.layerFromEnv().pipe(
  Layer.provide(UdpTransport.layerConfig({
    host: Config.succeed("127.0.0.1"),
    port: Config.Int("GOSSIP_PORT").pipe(Config.withDefault(7946))
  }))
)

program.pipe(Effect.provide(Node), NodeRuntime.runMain)
