/**
 * The lab's experiments on membership: who is found dead, how soon, and who is wrongly.
 */
import { Effect, Result, Schema } from "effect"
import { Command, Flag } from "effect/cli"
import * as Detection from "./detection.ts"
import { formatMillis } from "./durations.ts"
import * as Experiments from "./experiments.ts"
import {
  BadArguments,
  duration,
  hour,
  int,
  isProbability,
  isWhole,
  json,
  milliseconds,
  oneOf,
  plot,
  print,
  seed,
  several,
  threads,
  write
} from "./flags.ts"
import * as Plots from "./plots.ts"
import * as Protocols from "./protocols.ts"
import { list, rate, seconds, table } from "./table.ts"

// -----------------------------------------------------------------------------
// flags
// -----------------------------------------------------------------------------

const stall = (initial: Detection.Trial["stall"]) =>
  Flag.Literals("stall", ["process", "messages"]).pipe(
    Flag.withDescription(
      "What stalls: the whole process, as in a garbage collection; or what it sends and receives, while its timers " +
        `run, as in the Lifeguard paper; ${initial} by default`
    ),
    Flag.withDefault(initial)
  )

const comparedProtocols = several(
  "protocols",
  "Which to compare",
  `of ${Protocols.names.join(", ")}`,
  oneOf(Protocols.names),
  ["all", Protocols.names]
)

/** The trial, when it is one; or what is wrong. */
const check = (trial: Omit<Detection.Trial, "seed">, seed: string) =>
  Schema.decodeUnknownEffect(Detection.Trial)({ ...trial, seed }).pipe(
    Effect.mapError((error) => new BadArguments({ problem: error.message }))
  )

// -----------------------------------------------------------------------------
// commands
// -----------------------------------------------------------------------------

const detection = Command.make(
  "detection",
  {
    protocol: Flag.Literals("protocol", Protocols.names).pipe(
      Flag.withDescription(
        `The protocol: ${Protocols.names.map((name) => `${name} (${Protocols.get(name).about})`).join(", ")}; ` +
          `${Protocols.names[0]} by default`
      ),
      Flag.withDefault(Protocols.names[0])
    ),
    set: Flag.KeyValuePair("set").pipe(
      Flag.withDescription("An option of the protocol, such as probeInterval=2s; can be given again"),
      Flag.withDefault({})
    ),
    nodes: int("nodes", "Nodes of the cluster", 2, 1000, Detection.defaults.nodes),
    loss: Flag.Finite("loss").pipe(
      Flag.filter((loss) => loss >= 0 && loss <= 0.95, () => "a share from 0 to 0.95"),
      Flag.withDescription("Share of datagrams that are lost: 0 to 0.95, 0 by default; streams lose nothing"),
      Flag.withDefault(0)
    ),
    paused: int("paused", "Nodes that stall now and then", 0, 999, Detection.defaults.paused),
    stall: stall("process"),
    pauseFor: duration("pauseFor", "How long they stall", 1, hour, Detection.defaults.pauseFor),
    pauseGap: duration("pauseGap", "How long they run in between", 1, hour, Detection.defaults.pauseGap),
    latency: duration("latency", "How long a datagram takes", 0, 10_000, Detection.defaults.latency),
    crashes: int("crashes", "Healthy nodes that crash, one after another", 0, 1000, Detection.defaults.crashes),
    window: duration(
      "window",
      "How long false positives are counted, at least",
      0,
      24 * hour,
      Detection.defaults.window
    ),
    runs: int("runs", "Clusters that are simulated, each with a seed of its own", 1, 100_000, 10),
    seed,
    threads,
    json
  },
  Effect.fnUntraced(function*({ json, runs, seed, set, threads, ...options }) {
    const settings = Protocols.parseSettings(options.protocol, set)
    if (Result.isFailure(settings)) return yield* new BadArguments({ problem: settings.failure })
    const trial = { ...Detection.defaults, ...options, settings: settings.success }
    yield* check(trial, seed)
    const figures = yield* Experiments.detection(trial, runs, { seed, threads })
    const { crashes, latency, loss, nodes, pauseFor, pauseGap, paused, protocol, stall, window } = trial
    const setting = {
      protocol,
      settings: settings.success,
      nodes,
      loss,
      latencyMillis: latency,
      paused,
      stall,
      pauseForMillis: pauseFor,
      pauseGapMillis: pauseGap,
      crashes,
      windowMillis: window,
      seed
    }
    const title = `${Protocols.get(protocol).title}: ${nodes} nodes, ${loss * 100}% of datagrams lost` +
      (paused > 0 ? `, ${paused} paused for ${formatMillis(pauseFor)} every ${formatMillis(pauseFor + pauseGap)}` : "")
    yield* print(`${title}\n${list(figures)}`, { ...setting, ...figures }, json)
  })
).pipe(
  Command.withDescription(`How well a protocol tells the dead from the living.

  Simulates clusters of real nodes. In each, all nodes join at once, some stall now
  and then, and healthy ones crash at random moments and start again.

    detection       milliseconds from a crash until the first node suspects it, until
                    the first holds it dead, until all healthy ones do, and from the
                    first of these two to the second
    falsePositives  "Died" events about processes that run, at any node: about healthy
                    ones, and about those that stall; who raised them; and verdicts,
                    which are the first such event about each member and incarnation
    load            datagrams and their payload bytes while nothing happens; exchanges
                    (streams) apart
    join            milliseconds until each of the nodes knows all others`),
  Command.withShortDescription("How well a protocol tells the dead from the living"),
  Command.withExamples([
    { command: "lab detection --nodes 128 --crashes 10 --runs 20", description: "How fast is a crash known?" },
    {
      command: "lab detection --nodes 64 --loss 0.1 --paused 4 --pauseFor 10s --runs 4 --json",
      description: "Whom do stalling nodes take for dead? For a script"
    },
    {
      command: "lab detection --set suspicionMultiplier=2 --set probeInterval=500ms",
      description: "With other options of the protocol"
    }
  ])
)

const loss = Command.make(
  "loss",
  {
    protocols: comparedProtocols,
    losses: several("losses", "Shares of datagrams lost", "shares from 0 to 0.95", isProbability, [
      Experiments.losses.join(","),
      Experiments.losses
    ]),
    nodes: int("nodes", "Nodes of each cluster", 2, 500, 32),
    crashes: int("crashes", "Nodes that crash in each, one after another", 1, 1000, 5),
    window: duration("window", "How long false positives are counted, at least", 0, 24 * hour, 180_000),
    runs: int("runs", "Clusters for each protocol and loss", 1, 10_000, 8),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, plot, seed, threads, ...what }) {
    const cells = yield* Experiments.loss(what, { seed, threads })
    yield* write(plot, Plots.loss(cells, what))
    const text = table(
      ["protocol", "loss", "first s", "p99", "all s", "p99", "missed", "false/node-h"],
      cells.map(({ figures: { detection, falsePositives }, loss, protocol }) => [
        protocol,
        `${Math.round(loss * 100)}%`,
        seconds(detection.firstMillis.median),
        seconds(detection.firstMillis.p99),
        seconds(detection.allMillis.median),
        seconds(detection.allMillis.p99),
        String(detection.missedByAll),
        rate(falsePositives.aboutHealthyPerNodeHour)
      ])
    )
    yield* print(text, { ...what, seed, cells: cells.map(Experiments.printed) }, json)
  })
).pipe(Command.withDescription("Detection time and false positives of protocols, over how many datagrams are lost"))

const lifeguard = Command.make(
  "lifeguard",
  {
    variants: several(
      "variants",
      "What to compare",
      `of ${Protocols.variantNames.join(", ")}`,
      oneOf(Protocols.variantNames),
      ["all", Protocols.variantNames]
    ),
    nodes: int("nodes", "Nodes of each cluster", 4, 500, 128),
    paused: several("paused", "How many stall at once", "whole numbers from 1 to 400", isWhole(1, 400), [
      Experiments.pausedCounts.join(","),
      Experiments.pausedCounts
    ]),
    pauseFor: several(
      "pauseFor",
      "How long they stall",
      "durations from 1ms to 1h",
      (text) => milliseconds(text, 1, hour),
      [Experiments.pauses.map(formatMillis).join(","), Experiments.pauses]
    ),
    pauseGap: several(
      "pauseGap",
      "How long they run in between",
      "durations from 1ms to 1h",
      (text) => milliseconds(text, 1, hour),
      [Experiments.gaps.map(formatMillis).join(","), Experiments.gaps]
    ),
    stall: stall("messages"),
    crashes: int("crashes", "Healthy nodes that crash in each, one after another", 0, 100, 3),
    window: duration("window", "How long each cluster is watched, at least", 0, 24 * hour, 60_000),
    runs: int("runs", "Clusters for each setting", 1, 10_000, 1),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, plot, seed, threads, ...what }) {
    const most = Math.max(...what.paused)
    if (most + 2 > what.nodes) {
      return yield* new BadArguments({
        problem: `${most} of ${what.nodes} nodes cannot be paused: two must stay healthy`
      })
    }
    const cells = yield* Experiments.lifeguard(what, { seed, threads })
    yield* write(plot, Plots.lifeguard(cells, what))
    const totals = Experiments.lifeguardTotals(cells)
    const text = table(
      [
        "variant",
        "false about healthy",
        "of plain",
        "at healthy",
        "of plain",
        "about paused",
        "first s",
        "p99",
        "missed"
      ],
      totals.map((total) => [
        total.variant,
        String(total.aboutHealthy),
        total.factor === null ? "" : `1/${rate(total.factor)}`,
        String(total.aboutHealthyAtHealthy),
        total.factorAtHealthy === null ? "" : `1/${rate(total.factorAtHealthy)}`,
        String(total.aboutPaused),
        seconds(total.firstMillis.median),
        seconds(total.firstMillis.p99),
        String(total.missed)
      ])
    )
    yield* print(text, { ...what, seed, totals, cells: cells.map(Experiments.printed) }, json)
  })
).pipe(
  Command.withDescription(`What each part of Lifeguard is worth.

  The interval experiment of the Lifeguard paper (Dadgar, Phillips, Currey 2017, §V): for each number of nodes that
  stall at once, each duration and each gap in between, a cluster is watched while they do so again and again. Healthy
  nodes crash meanwhile, at random moments.`),
  Command.withShortDescription("What each part of Lifeguard is worth")
)

const load = Command.make(
  "load",
  {
    protocols: comparedProtocols,
    sizes: several("sizes", "Sizes of clusters", "whole numbers from 2 to 1000", isWhole(2, 1000), [
      Experiments.sizes.join(","),
      Experiments.sizes
    ]),
    idle: duration("idle", "How long is measured with up to 64 nodes, and shorter with more", 10_000, hour, 60_000),
    runs: int("runs", "Clusters for each size", 1, 1000, 1),
    seed,
    threads,
    plot,
    json
  },
  Effect.fnUntraced(function*({ json, plot, seed, threads, ...what }) {
    const cells = yield* Experiments.load(what, { seed, threads })
    yield* write(plot, Plots.load(cells))
    const text = table(
      ["protocol", "nodes", "datagrams/s", "bytes/s", "busiest", "exchange bytes/s", "join s"],
      cells.map(({ figures: { join, load }, nodes, protocol }) => [
        protocol,
        String(nodes),
        rate(load.messagesPerNodeSecond),
        rate(load.bytesPerNodeSecond),
        rate(load.busiestBytesPerSecond),
        rate(load.exchangeBytesPerNodeSecond),
        seconds(join.millis.mean)
      ])
    )
    yield* print(text, { ...what, seed, cells: cells.map(Experiments.printed) }, json)
  })
).pipe(Command.withDescription("What an idle node sends, over the size of the cluster"))

/** The commands. */
export const commands = [detection, loss, lifeguard, load] as const
