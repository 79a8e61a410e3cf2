/**
 * `pnpm bench`: the figures that the documents give, measured on the machine at hand.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { int, json, plot, write } from "../flags.ts"
import * as broadcast from "./broadcast.ts"
import * as replication from "./replication.ts"
import * as sim from "./sim.ts"
import * as spread from "./spread.ts"

const seed = Flag.String("seed").pipe(
  Flag.withDescription("All randomness comes from it"),
  Flag.withDefault("bench")
)

const print = (title: string, figures: { readonly [name: string]: number | string }, asJson: boolean) =>
  asJson
    ? Console.log(JSON.stringify(figures))
    : Console.log(
      [title, ...Object.entries(figures).map(([name, value]) => `  ${name.padEnd(30)} ${value}`)].join("\n")
    )

const simulation = Command.make(
  "sim",
  {
    nodes: int("nodes", "Nodes of the cluster", 2, 2000, 200),
    seconds: int("seconds", "Virtual seconds of idling that are measured", 1, 3600, 60),
    seed,
    json
  },
  Effect.fn(function*(options) {
    const figures = sim.cluster(options)
    const speedup = yield* Effect.promise(() => sim.speedup(5))
    yield* print(`a simulated cluster of ${options.nodes} nodes`, { ...figures, ...speedup }, options.json)
  })
).pipe(Command.withDescription("What a simulated cluster costs: forming, idling, losing a tenth of its nodes"))

const spreading = Command.make(
  "spread",
  {
    nodes: int("nodes", "Nodes of the cluster", 4, 1000, 64),
    seed,
    plot,
    json
  },
  Effect.fn(function*(options) {
    const { curves, ...figures } = spread.measure(options)
    yield* write(options.plot, spread.plot(curves, options.nodes))
    yield* print(`what ${options.nodes} simulated nodes know, and when`, figures, options.json)
  })
).pipe(Command.withDescription("How joining, a crash and a leave become known: virtual milliseconds until all know"))

const broadcasting = Command.make(
  "broadcast",
  {
    nodes: int("nodes", "Nodes, each on UDP in this process", 2, 500, 64),
    publishes: int("publishes", "How many messages are published, one after another", 1, 100_000, 100),
    size: int("size", "Bytes of a payload", 16, 1_000_000, 100),
    pause: int("pause", "Milliseconds between a message that has arrived everywhere and the next", 0, 60_000, 50),
    strategy: Flag.Literals("strategy", Object.keys(broadcast.strategies) as Array<broadcast.Strategy>).pipe(
      Flag.withDescription("How it spreads"),
      Flag.withDefault("push-then-pull")
    ),
    json
  },
  Effect.fn(function*(options) {
    const figures = yield* broadcast.measure(options)
    yield* print(`what ${options.nodes} nodes on UDP are told, and when`, figures, options.json)
  })
).pipe(Command.withDescription("How soon all nodes have what one publishes, over UDP on this machine: milliseconds"))

const replicating = Command.make(
  "replication",
  {
    nodes: int("nodes", "Nodes, each on UDP in this process; one more joins them", 2, 100, 5),
    keys: int("keys", "Keys of the map", 100, 1_000_000, 100_000),
    size: int("size", "Bytes of a value", 8, 100_000, 100),
    writesPerSecond: int("writes-per-second", "Writes of all nodes together", 1, 100_000, 5000),
    seconds: int("seconds", "For how long they write", 1, 3600, 60),
    transport: Flag.Literals("transport", ["udp", "memory"]).pipe(
      Flag.withDescription("Over UDP and TCP, or within the process"),
      Flag.withDefault("udp")
    ),
    strategy: Flag.Literals("strategy", Object.keys(broadcast.strategies) as Array<broadcast.Strategy>).pipe(
      Flag.withDescription("How new writes spread"),
      Flag.withDefault("push-then-pull")
    ),
    json
  },
  Effect.fn(function*(options) {
    const figures = yield* replication.measure(options)
    yield* print(`a replicated map at ${options.nodes} nodes`, figures, options.json)
  })
).pipe(Command.withDescription("What a replicated map carries: many keys, a node that joins, and writes for a while"))

const bench = Command.make("bench").pipe(
  Command.withDescription("Measures what effect-gossip costs on this machine"),
  Command.withSubcommands([simulation, spreading, broadcasting, replicating])
)

Command.run(bench, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
