/**
 * `pnpm bench`: the figures that the documents give, measured on the machine at hand.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as broadcast from "./broadcast.ts"
import * as replication from "./replication.ts"
import * as sim from "./sim.ts"
import * as spread from "./spread.ts"

const count = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print one JSON object alone on the last line of standard output"),
  Flag.withDefault(false)
)

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
    nodes: Flag.Int("nodes").pipe(
      Flag.withDescription("Nodes of the cluster, 2 to 2000"),
      Flag.withSchema(count(2, 2000)),
      Flag.withDefault(200)
    ),
    seconds: Flag.Int("seconds").pipe(
      Flag.withDescription("Virtual seconds of idling that are measured, 1 to 3600"),
      Flag.withSchema(count(1, 3600)),
      Flag.withDefault(60)
    ),
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
    nodes: Flag.Int("nodes").pipe(
      Flag.withDescription("Nodes of the cluster, 4 to 1000"),
      Flag.withSchema(count(4, 1000)),
      Flag.withDefault(64)
    ),
    seed,
    plot: Flag.String("plot").pipe(Flag.withDescription("Write the curves to this SVG file"), Flag.optional),
    json
  },
  Effect.fn(function*(options) {
    const { curves, ...figures } = spread.measure(options)
    if (Option.isSome(options.plot)) {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(options.plot.value, yield* spread.plot(curves, options.nodes))
    }
    yield* print(`what ${options.nodes} simulated nodes know, and when`, figures, options.json)
  })
).pipe(Command.withDescription("How joining, a crash and a leave become known: virtual milliseconds until all know"))

const broadcasting = Command.make(
  "broadcast",
  {
    nodes: Flag.Int("nodes").pipe(
      Flag.withDescription("Nodes, each on UDP in this process, 2 to 500"),
      Flag.withSchema(count(2, 500)),
      Flag.withDefault(64)
    ),
    publishes: Flag.Int("publishes").pipe(
      Flag.withDescription("How many messages are published, one after another, 1 to 100,000"),
      Flag.withSchema(count(1, 100_000)),
      Flag.withDefault(100)
    ),
    size: Flag.Int("size").pipe(
      Flag.withDescription("Bytes of a payload, 16 to 1,000,000"),
      Flag.withSchema(count(16, 1_000_000)),
      Flag.withDefault(100)
    ),
    pause: Flag.Int("pause").pipe(
      Flag.withDescription("Milliseconds between a message that has arrived everywhere and the next, 0 to 60,000"),
      Flag.withSchema(count(0, 60_000)),
      Flag.withDefault(50)
    ),
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
    nodes: Flag.Int("nodes").pipe(
      Flag.withDescription("Nodes, each on UDP in this process, 2 to 100; one more joins them"),
      Flag.withSchema(count(2, 100)),
      Flag.withDefault(5)
    ),
    keys: Flag.Int("keys").pipe(
      Flag.withDescription("Keys of the map, 100 to 1,000,000"),
      Flag.withSchema(count(100, 1_000_000)),
      Flag.withDefault(100_000)
    ),
    size: Flag.Int("size").pipe(
      Flag.withDescription("Bytes of a value, 8 to 100,000"),
      Flag.withSchema(count(8, 100_000)),
      Flag.withDefault(100)
    ),
    writesPerSecond: Flag.Int("writes-per-second").pipe(
      Flag.withDescription("Writes of all nodes together, 1 to 100,000"),
      Flag.withSchema(count(1, 100_000)),
      Flag.withDefault(5000)
    ),
    seconds: Flag.Int("seconds").pipe(
      Flag.withDescription("For how long they write, 1 to 3600"),
      Flag.withSchema(count(1, 3600)),
      Flag.withDefault(60)
    ),
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
