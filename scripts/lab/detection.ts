/**
 * How well a protocol tells the dead from the living: clusters of real nodes are simulated, some nodes stall, some
 * crash, and what the others make of it is counted.
 *
 * A trial is one cluster, in these parts:
 *
 * 1. **join**: all nodes start at once, through the first. It is over when each knows all others.
 * 2. **settle**: what was said while joining is passed on.
 * 3. **idle**: nothing happens. What is sent meanwhile is the load.
 * 4. **window**: `paused` nodes stall together for `pauseFor`, run for `pauseGap`, and so on. Meanwhile healthy nodes
 *    crash, one after another, each at a random moment, never the first node and none that anybody accuses already; when
 *    all healthy nodes have it dead it starts again, unless it was the last.
 *
 * What stalls is the whole process (`Fault.pause`), which then does nothing; or its messages alone, as in the Lifeguard
 * paper's experiments: its timers run, and what it sends and what is sent to it waits until the stall is over.
 *
 * What is found out is read from `MemberChanged` events of the simulation, so it is exact to the millisecond. A
 * **detection** is a `Died` event about a node that is down. A **false positive** is a `Died` event about a process that
 * is running, at any node; events that come of one verdict count one each, as in the Lifeguard paper, and the verdicts
 * (distinct members and incarnations declared dead) are counted besides.
 */
import type { SimulatedNetworkError } from "@effect-gossip/testkit/SimulatedNetwork"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import type { SimulationEvent } from "@effect-gossip/testkit/SimulationEvent"
import { Effect, Random, Schema } from "effect"
import { createHash } from "node:crypto"
import * as Protocols from "./protocols.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

const int = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))
const number = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

const hour = 3_600_000

/** What each option may be. Times are in milliseconds. */
export const limits = {
  nodes: int(2, 1000),
  /** Share of datagrams that are lost; streams lose nothing. */
  loss: number(0, 0.95),
  /** How long a datagram, or one way of an exchange, takes. */
  latency: number(0, 10_000),
  paused: int(0, 999),
  /** `process`: nothing of it runs, as in a long garbage collection. `messages`: see above. */
  stall: Schema.Literals(["process", "messages"]),
  pauseFor: number(1, hour),
  pauseGap: number(1, hour),
  crashes: int(0, 1000),
  settle: number(0, hour),
  idle: number(0, hour),
  window: number(0, 24 * hour)
}

/** One simulated cluster. */
export const Trial = Schema.Struct({
  protocol: Schema.Literals(Protocols.names),
  /** Options of the protocol. */
  settings: Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite, Schema.Boolean])),
  ...limits,
  seed: Schema.String
}).check(
  Schema.makeFilter((trial) =>
    trial.paused + (trial.crashes > 0 ? 1 : 0) < trial.nodes
      ? undefined
      : `${trial.paused} of ${trial.nodes} nodes cannot be paused: the first node${
        trial.crashes > 0 ? " and one that crashes" : ""
      } must stay healthy`
  )
)

export type Trial = typeof Trial.Type

/** What a trial is where nobody says otherwise. */
export const defaults = {
  settings: {},
  nodes: 32,
  loss: 0,
  latency: 1,
  paused: 0,
  stall: "process",
  pauseFor: 10_000,
  pauseGap: 1000,
  crashes: 1,
  settle: 30_000,
  idle: 30_000,
  window: 60_000
} satisfies Partial<Trial> as Omit<Trial, "protocol" | "seed">

/** Counts of events, by the nodes at which they happened. */
export interface Counts {
  readonly byHealthy: number
  readonly byPaused: number
}

/** Counts, by the nodes that the events are about. */
export interface Falsehoods {
  readonly aboutHealthy: Counts
  readonly aboutPaused: Counts
}

/** What was seen of a crash, in milliseconds after it; null for what did not come within five minutes. */
export interface Detection {
  /** Until the first node suspected it, or held it dead. */
  readonly suspected: number | null
  /** Until the first node held it dead. */
  readonly first: number | null
  /** Until all healthy nodes held it dead. */
  readonly all: number | null
}

/** What was seen in a trial. */
export interface Observation {
  /** Milliseconds until each knew all others; null if that did not come within five minutes. */
  readonly join: number | null
  readonly detections: ReadonlyArray<Detection>
  /** `Died` events about running processes. */
  readonly falsePositives: Falsehoods
  /** Of those, the first about each member and incarnation: who came to the verdict. */
  readonly falseVerdicts: Falsehoods
  /** Seconds that nodes ran, or stood still, in the window: all together. */
  readonly nodeSeconds: number
  readonly load: {
    readonly nodeSeconds: number
    readonly messages: number
    readonly bytes: number
    readonly exchanges: number
    readonly exchangeBytes: number
    /** Bytes in datagrams a second of the node that sent most. */
    readonly busiest: number
  }
  /** Stands for all that happened. */
  readonly traceHash: string
}

// -----------------------------------------------------------------------------
// a trial
// -----------------------------------------------------------------------------

const patience = 300_000
const glance = 100

/** Runs a trial: the same trial, the same observation. */
export const observe = (trial: Trial): Observation =>
  Simulation.runUnsafe({
    nodes: trial.nodes,
    seed: trial.seed,
    link: { loss: trial.loss, latency: trial.latency },
    protocol: Protocols.get(trial.protocol).layer(trial.settings),
    atMost: "30 days",
    start: false,
    trace: true
  }, (sim) =>
    Effect.gen(function*() {
      const names = sim.nodes.map(({ name }) => name)
      const paused = new Set(names.slice(trial.nodes - trial.paused))
      const healthy = names.filter((name) => !paused.has(name))
      const truth = new Truth(trial.nodes, paused)
      yield* sim.observe((event) => {
        if (event._tag === "MemberChanged") truth.hear(event)
      })

      // join
      yield* Effect.forEach(sim.nodes, ({ name }) => sim.start(name), { discard: true })
      const until = Effect.fnUntraced(function*(condition: () => boolean) {
        const end = sim.now() + patience
        while (!condition() && sim.now() < end) yield* sim.advance(glance)
      })
      yield* until(() => truth.joinedAt !== null)

      yield* sim.advance(trial.settle)

      // idle
      const load = yield* measureLoad(sim, trial)

      // window
      const startedAt = sim.now()
      truth.counting = true
      if (paused.size > 0) {
        const cycle = Effect.andThen(
          trial.stall === "process" ? stallProcesses(sim, paused, trial) : stallMessages(sim, paused, trial),
          Effect.sleep(trial.pauseGap)
        )
        yield* Effect.forkScoped(Effect.orDie(Effect.forever(cycle)))
      }
      const detections: Array<Detection> = []
      let downMillis = 0
      let lastCrashAt: number | undefined
      for (let crash = 0; crash < trial.crashes; crash++) {
        // a probe has its place in a period, and a pause in a cycle; the next crash has none in either
        const slack = Math.max(10_000, Math.min(trial.pauseFor + trial.pauseGap, 60_000))
        yield* sim.advance(yield* Random.nextIntBetween(0, slack))
        // to declare one dead who was accused before it crashed is no detection
        const candidates = healthy.slice(1).filter((name) => !truth.isAccused(name))
        if (candidates.length === 0) continue
        const victim = candidates[yield* Random.nextIntBetween(0, candidates.length - 1)]!
        const watchers = healthy.filter((name) => name !== victim)
        const crashedAt = sim.now()
        const down = truth.down(victim)
        yield* sim.crash(victim)
        yield* until(() => watchers.every((name) => down.deadTo.has(name)))
        const since = (at: number | undefined) => at === undefined ? null : at - crashedAt
        detections.push({
          suspected: since(down.suspectedAt),
          first: since(down.firstAt),
          all: watchers.every((name) => down.deadTo.has(name))
            ? Math.max(...watchers.map((name) => down.deadTo.get(name)!)) - crashedAt
            : null
        })
        if (crash === trial.crashes - 1) {
          lastCrashAt = crashedAt
          break
        }
        yield* sim.start(victim)
        const members = yield* sim.members(victim)
        truth.up(victim, members.find(({ id }) => id === victim)!.incarnation)
        downMillis += sim.now() - crashedAt
        yield* until(() => watchers.every((name) => truth.knows(name, victim)))
      }
      yield* sim.advance(Math.max(0, startedAt + trial.window - sim.now()))
      truth.counting = false
      const endedAt = sim.now()
      if (lastCrashAt !== undefined) downMillis += endedAt - lastCrashAt
      return {
        join: truth.joinedAt,
        detections,
        falsePositives: truth.falsePositives,
        falseVerdicts: truth.falseVerdicts,
        nodeSeconds: (trial.nodes * (endedAt - startedAt) - downMillis) / 1000,
        load,
        traceHash: sim.traceHash()
      }
    }))

type Stall = (
  sim: Simulation.Simulation,
  nodes: ReadonlySet<string>,
  trial: Trial
) => Effect.Effect<void, Simulation.SimulationError | SimulatedNetworkError>

const stallProcesses: Stall = (sim, nodes, { pauseFor }) =>
  Effect.andThen(
    Effect.forEach(nodes, (node) => sim.inject({ _tag: "Pause", node, at: 0, for: pauseFor }), { discard: true }),
    Effect.sleep(pauseFor)
  )

// what is held up arrives at most so much later than it could
const grain = 20

/** As long as it lasts, a link of those nodes takes what is left of it: so that all arrives when it is over. */
const stallMessages: Stall = Effect.fnUntraced(function*(sim, nodes, { latency, pauseFor }) {
  const addresses = sim.nodes.filter(({ name }) => nodes.has(name)).map(({ address }) => address)
  for (let left = pauseFor; left > 0; left -= grain) {
    const setting = yield* sim.network.setLink(addresses, "all", { latency: latency + left })
    yield* Effect.sleep(Math.min(grain, left))
    yield* setting.reset
  }
})

/** What is sent while nothing happens. */
const measureLoad = Effect.fnUntraced(function*(sim: Simulation.Simulation, { idle, nodes }: Trial) {
  const bytesOf = () => sim.nodes.map(({ address }) => sim.network.countersOf(address).datagramBytesSent)
  const [before, bytesBefore] = [sim.network.totals(), bytesOf()]
  yield* sim.advance(idle)
  const after = sim.network.totals()
  return {
    nodeSeconds: nodes * idle / 1000,
    messages: after.datagramsSent - before.datagramsSent,
    bytes: after.datagramBytesSent - before.datagramBytesSent,
    exchanges: after.exchanges - before.exchanges,
    exchangeBytes: after.exchangeBytesSent - before.exchangeBytesSent,
    busiest: idle === 0 ? 0 : Math.max(...bytesOf().map((bytes, index) => bytes - bytesBefore[index]!)) * 1000 / idle
  }
})

// -----------------------------------------------------------------------------
// who is right
// -----------------------------------------------------------------------------

type MemberChanged = Extract<SimulationEvent, { readonly _tag: "MemberChanged" }>

/** A node that is down, and who has noticed. Times are the simulation's. */
interface Down {
  suspectedAt: number | undefined
  firstAt: number | undefined
  readonly deadTo: Map<string, number>
}

/** Knows who is down, and judges what the nodes say. */
class Truth {
  readonly #pairs: number
  readonly #paused: ReadonlySet<string>
  /** Whom each node has for live; and of each member, who suspects it, and who has it dead. */
  readonly #live = new Map<string, Set<string>>()
  readonly #suspectTo = new Map<string, Set<string>>()
  readonly #deadTo = new Map<string, Set<string>>()
  readonly #down = new Map<string, Down>()
  /** The first incarnation of the present process of those that were started again. */
  readonly #born = new Map<string, number>()
  readonly #judged = new Set<string>()
  #known = 0
  joinedAt: number | null = null
  counting = false
  readonly falsePositives = noFalsehoods()
  readonly falseVerdicts = noFalsehoods()

  constructor(nodes: number, paused: ReadonlySet<string>) {
    this.#pairs = nodes * (nodes - 1)
    this.#paused = paused
  }

  knows(node: string, member: string): boolean {
    return this.#live.get(node)?.has(member) === true
  }

  /** Whether any node suspects it, or has it dead. */
  isAccused(member: string): boolean {
    return (this.#deadTo.get(member)?.size ?? 0) > 0 || (this.#suspectTo.get(member)?.size ?? 0) > 0
  }

  /** A node goes down. What it believed goes with it. */
  down(node: string): Down {
    const down: Down = { suspectedAt: undefined, firstAt: undefined, deadTo: new Map() }
    this.#down.set(node, down)
    this.#live.delete(node)
    for (const observers of this.#deadTo.values()) observers.delete(node)
    for (const observers of this.#suspectTo.values()) observers.delete(node)
    return down
  }

  /** A node is up again. */
  up(node: string, incarnation: number): void {
    this.#down.delete(node)
    this.#born.set(node, incarnation)
  }

  hear({ at, change, incarnation, member, node }: MemberChanged & { readonly at: number }): void {
    // what a process still says that has ended
    if (this.#down.has(node) || member === node) return
    const live = entry(this.#live, node)
    const deadTo = entry(this.#deadTo, member)
    const suspectTo = entry(this.#suspectTo, member)
    switch (change) {
      case "Joined":
      case "Refuted":
      case "Updated":
        deadTo.delete(node)
        suspectTo.delete(node)
        if (live.has(member)) return
        live.add(member)
        if (this.joinedAt === null && ++this.#known === this.#pairs) this.joinedAt = at
        return
      case "Suspected": {
        suspectTo.add(node)
        const down = this.#down.get(member)
        if (down !== undefined) down.suspectedAt ??= at
        return
      }
      case "Died": {
        suspectTo.delete(node)
        if (live.delete(member) && this.joinedAt === null) this.#known--
        const down = this.#down.get(member)
        if (down !== undefined) {
          down.suspectedAt ??= at
          down.firstAt ??= at
          if (!down.deadTo.has(node)) down.deadTo.set(node, at)
          return
        }
        // of a former process
        if ((incarnation ?? 0) < (this.#born.get(member) ?? 0)) return
        deadTo.add(node)
        if (!this.counting) return
        const about = this.#paused.has(member) ? "aboutPaused" : "aboutHealthy"
        const by = this.#paused.has(node) ? "byPaused" : "byHealthy"
        this.falsePositives[about][by]++
        const verdict = `${member} ${incarnation}`
        if (this.#judged.has(verdict)) return
        this.#judged.add(verdict)
        this.falseVerdicts[about][by]++
        return
      }
    }
  }
}

const noFalsehoods = () => ({
  aboutHealthy: { byHealthy: 0, byPaused: 0 },
  aboutPaused: { byHealthy: 0, byPaused: 0 }
})

const entry = <A>(map: Map<string, Set<A>>, key: string): Set<A> => {
  let set = map.get(key)
  if (set === undefined) map.set(key, set = new Set())
  return set
}

// -----------------------------------------------------------------------------
// figures
// -----------------------------------------------------------------------------

/** A distribution in few numbers, in milliseconds; null where nothing was seen. */
export interface Summary {
  readonly mean: number | null
  readonly median: number | null
  readonly p99: number | null
  readonly max: number | null
}

/** What trials that differ by their seed alone came to. */
export interface Figures {
  readonly runs: number
  readonly detection: {
    readonly crashes: number
    /** Crashes that no node, or not all, had found out within five minutes. */
    readonly missedByAny: number
    readonly missedByAll: number
    readonly suspectedMillis: Summary
    readonly firstMillis: Summary
    readonly allMillis: Summary
    /** From the first that knew until all did. */
    readonly spreadMillis: Summary
  }
  /** Of the window. Rates are per hour that a node was there. */
  readonly falsePositives: {
    readonly nodeHours: number
    readonly aboutHealthyPerNodeHour: number
    readonly aboutPausedPerNodeHour: number
    readonly aboutHealthy: Counts
    readonly aboutPaused: Counts
    readonly verdictsAboutHealthy: Counts
    readonly verdictsAboutPaused: Counts
  }
  /** While nothing happens. */
  readonly load: {
    readonly messagesPerNodeSecond: number
    readonly bytesPerNodeSecond: number
    readonly busiestBytesPerSecond: number
    readonly exchangesPerNodeMinute: number
    readonly exchangeBytesPerNodeSecond: number
  }
  readonly join: {
    /** Trials in which not all knew all others within five minutes. */
    readonly missed: number
    readonly millis: Summary
  }
  /** Stands for all that happened in all trials. */
  readonly traceHash: string
}

const round = (value: number, digits = 2): number => Number(value.toFixed(digits))

const present = (values: ReadonlyArray<number | null>) => values.filter((value) => value !== null)

/** The mean, and what so many percent do not exceed (the nearest rank). */
export const summarize = (values: ReadonlyArray<number | null>): Summary => {
  const sorted = present(values).sort((a, b) => a - b)
  if (sorted.length === 0) return { mean: null, median: null, p99: null, max: null }
  return {
    mean: Math.round(sorted.reduce((sum, value) => sum + value, 0) / sorted.length),
    median: Math.round(quantile(sorted, 0.5)),
    p99: Math.round(quantile(sorted, 0.99)),
    max: Math.round(sorted.at(-1)!)
  }
}

/** Of values in ascending order, of which there is one at least. */
export const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!

/** What trials came to together. */
export const figures = (observations: ReadonlyArray<Observation>): Figures => {
  const sum = (of: (observation: Observation) => number) =>
    observations.reduce((total, observation) => total + of(observation), 0)
  const counts = (of: (observation: Observation) => Counts): Counts => ({
    byHealthy: sum((observation) => of(observation).byHealthy),
    byPaused: sum((observation) => of(observation).byPaused)
  })
  const detections = observations.flatMap((observation) => observation.detections)
  const nodeHours = sum(({ nodeSeconds }) => nodeSeconds) / 3600
  const aboutHealthy = counts(({ falsePositives }) => falsePositives.aboutHealthy)
  const aboutPaused = counts(({ falsePositives }) => falsePositives.aboutPaused)
  const perNodeHour = ({ byHealthy, byPaused }: Counts) =>
    nodeHours === 0 ? 0 : round((byHealthy + byPaused) / nodeHours, 4)
  const idle = sum(({ load }) => load.nodeSeconds)
  const perNodeSecond = (of: (load: Observation["load"]) => number) =>
    idle === 0 ? 0 : round(sum(({ load }) => of(load)) / idle)
  return {
    runs: observations.length,
    detection: {
      crashes: detections.length,
      missedByAny: detections.filter(({ first }) => first === null).length,
      missedByAll: detections.filter(({ all }) => all === null).length,
      suspectedMillis: summarize(detections.map(({ suspected }) => suspected)),
      firstMillis: summarize(detections.map(({ first }) => first)),
      allMillis: summarize(detections.map(({ all }) => all)),
      spreadMillis: summarize(detections.map(({ all, first }) => all === null || first === null ? null : all - first))
    },
    falsePositives: {
      nodeHours: round(nodeHours, 3),
      aboutHealthyPerNodeHour: perNodeHour(aboutHealthy),
      aboutPausedPerNodeHour: perNodeHour(aboutPaused),
      aboutHealthy,
      aboutPaused,
      verdictsAboutHealthy: counts(({ falseVerdicts }) => falseVerdicts.aboutHealthy),
      verdictsAboutPaused: counts(({ falseVerdicts }) => falseVerdicts.aboutPaused)
    },
    load: {
      messagesPerNodeSecond: perNodeSecond(({ messages }) => messages),
      bytesPerNodeSecond: perNodeSecond(({ bytes }) => bytes),
      busiestBytesPerSecond: round(Math.max(0, ...observations.map(({ load }) => load.busiest))),
      exchangesPerNodeMinute: round(perNodeSecond(({ exchanges }) => exchanges * 60)),
      exchangeBytesPerNodeSecond: perNodeSecond(({ exchangeBytes }) => exchangeBytes)
    },
    join: {
      missed: observations.filter(({ join }) => join === null).length,
      millis: summarize(observations.map(({ join }) => join))
    },
    traceHash: createHash("sha256").update(observations.map(({ traceHash }) => traceHash).join()).digest("hex")
      .slice(0, 16)
  }
}
