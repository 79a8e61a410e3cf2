/**
 * A cluster of real nodes in one process, over a {@link SimulatedNetwork}, from a seed.
 *
 * Every node is what `Gossip.layer` makes, with the application's own layers on top; it has clocks of its own, a random
 * stream split from the seed, a transport and a disk. A test moves time, breaks things, and looks at what each node
 * sees. Under {@link VirtualTime} a run is the same for the same seed; under Effect's `TestClock` the same test passes,
 * more slowly.
 *
 * **Example** (A partition that heals)
 *
 * ```ts import.meta.vitest
 * import { Fault, Simulation } from "@effect-gossip/testkit"
 * import { Effect } from "effect"
 *
 * const exit = Simulation.run({ nodes: 5, seed: 1 }, (sim) =>
 *   Effect.gen(function*() {
 *     yield* sim.until(sim.isAgreed, { atMost: "3 seconds" })
 *     yield* sim.inject(Fault.partition(["n3", "n4"], { for: "1 minute" }))
 *     yield* sim.advance("1 minute")
 *     yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
 *   }))
 *
 * exit._tag // => "Success"
 * ```
 *
 * @since 0.1.0
 */
import type * as Address from "@effect-gossip/core/Address"
import type * as Gossip from "@effect-gossip/core/Gossip"
import { isLive, type Member } from "@effect-gossip/core/membership/Member"
import type * as Transport from "@effect-gossip/core/Transport"
import * as Arbitrary from "effect/Arbitrary"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Fault from "./Fault.ts"
import { InvalidOption, NotReached, NotRunning, SimulationError, Violated } from "./internal/simulation/errors.ts"
import * as Explore from "./internal/simulation/explore.ts"
import * as Faults from "./internal/simulation/faults.ts"
import * as Stations from "./internal/simulation/stations.ts"
import { Trace } from "./internal/simulation/trace.ts"
import { watch } from "./internal/simulation/watch.ts"
import * as Timing from "./internal/timing.ts"
import type { Invariant } from "./Invariant.ts"
import type { SimulatedDisk } from "./SimulatedDisk.ts"
import * as SimulatedNetwork from "./SimulatedNetwork.ts"
import type { SimulationEvent } from "./SimulationEvent.ts"
import type { Timeline } from "./Timeline.ts"
import * as VirtualTime from "./VirtualTime.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A node of a simulation. */
export interface SimulatedNode {
  readonly name: string
  readonly address: Address.Address
}

/** The services that every node has: what `Gossip.layer` gives it, and a disk of its own. */
export type Services = Gossip.Services | KeyValueStore.KeyValueStore

/** What a simulation is made of. `R` are the services of the application that runs in each node. */
export interface Options<R = never, E = never> {
  /** How many nodes, named `n0`, `n1`, …; or their names. */
  readonly nodes: number | ReadonlyArray<string>
  /** All randomness comes from it. Default: 0. */
  readonly seed?: string | number | undefined
  /** How links behave. Default: {@link SimulatedNetwork.defaults}. */
  readonly link?: Partial<SimulatedNetwork.Link> | undefined
  /** The options of each node besides its name; `seeds` are names or addresses, and the first node by default. */
  readonly gossip?:
    | Partial<Gossip.Options>
    | ((node: SimulatedNode, index: number) => Partial<Gossip.Options>)
    | undefined
  /**
   * Layers beneath each node that swap its parts: which protocol knows the members, such as `Swim.layer(…)`, how news spreads,
   * such as `DirectMail.layer()`, or several, merged. Default: a node's own defaults.
   */
  readonly protocol?: Layer.Layer<never, Transport.InvalidOption> | undefined
  /** The application that runs in each node: built for each of its processes anew. */
  readonly layer?:
    | Layer.Layer<R, E, Services>
    | ((node: SimulatedNode, index: number) => Layer.Layer<R, E, Services>)
    | undefined
  /** Whether all nodes start at once, when the simulation is made. Default: true. */
  readonly start?: boolean | undefined
  /** The least level of the nodes' own log lines that is logged. Default: `None`. */
  readonly minimumLogLevel?: LogLevel.LogLevel | undefined
  /**
   * Whether what nodes think of each other enters the trace, and so its hash, from the beginning. It costs a fiber a node.
   * Default: from when `observe` is first called; `explore`, `record` and `replay` turn it on.
   */
  readonly trace?: boolean | undefined
}

/** What {@link run} takes besides. */
export interface RunOptions<R = never, E = never> extends Options<R, E> {
  /** What goes wrong, counted from the beginning. Default: nothing. */
  readonly faults?: Fault.Schedule | undefined
  /** What must be so. The first that is not ends the run with `Violated`. Default: nothing. */
  readonly invariants?: ReadonlyArray<Invariant<R>> | undefined
  /** Time between looks at the invariants. Default: {@link defaults}. */
  readonly checkEvery?: Duration.Input | undefined
  /**
   * How long the simulation goes on when the program is done and all faults have ended, so that what is to hold in the
   * end is looked at, once more at its end. Default: a second more than the slowest of the invariants has.
   */
  readonly settle?: Duration.Input | undefined
  /** How far time may go. Default: that of {@link VirtualTime.defaults}. */
  readonly atMost?: Duration.Input | undefined
  /** What becomes of code that asks the host for time or chance: see {@link VirtualTime.RunOptions}. */
  readonly hostAccess?: VirtualTime.RunOptions["hostAccess"]
}

/** The defaults of {@link RunOptions}: invariants are looked at every 100 ms. */
export const defaults: { readonly checkEvery: Duration.Input } = { checkEvery: "100 millis" }

/** A group of nodes, by their names. */
export type Group = ReadonlyArray<string>

/** Faults that were injected. */
export interface Injected {
  /** Ends those of them that are in force, and forgets those to come. */
  readonly end: Effect.Effect<void, SimulationError>
}

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** A running simulation. */
export interface Simulation<in R = never> {
  /** All nodes, running or not, in order. */
  readonly nodes: ReadonlyArray<SimulatedNode>

  /** The names of the nodes that run now, in order. */
  readonly running: () => ReadonlyArray<string>

  /** How often a node was started. */
  readonly lifeOf: (name: string) => number

  /** The network, for what has no verb here. What is done to it directly does not count as a fault. */
  readonly network: SimulatedNetwork.SimulatedNetwork["Service"]

  /** A node's disk, which outlives its processes. */
  readonly disk: (name: string) => Effect.Effect<SimulatedDisk, SimulationError>

  /** Starts a node that does not run. After a crash it comes back as another process of the same name and address. */
  readonly start: (name: string) => Effect.Effect<void, SimulationError>

  /** Lets a node leave, and waits until it has. */
  readonly stop: (name: string) => Effect.Effect<void, SimulationError>

  /** Ends a node as a power failure would: it says nothing more, writes nothing more, and its address is free. */
  readonly crash: (name: string) => Effect.Effect<void, SimulationError>

  /** Cuts a group off from everyone else, or from another group, both ways. */
  readonly partition: (group: Group, from?: Group) => Effect.Effect<SimulatedNetwork.Partition, SimulationError>

  /**
   * Brings faults about, each when its time has come, counted from now; they end by themselves, or when told to. Fails
   * with `InvalidFault` or `UnknownNode`.
   */
  readonly inject: (faults: Fault.Fault | Fault.Schedule) => Effect.Effect<Injected, SimulationError>

  /** Ends all faults in force, forgets those to come, and heals the network. Nodes that stayed away do so. */
  readonly heal: Effect.Effect<void, SimulationError>

  /**
   * For how many milliseconds no fault has been in force; a node that starts, leaves or crashes counts as one that is
   * over at once.
   */
  readonly quietFor: () => number

  /** Milliseconds since the simulation's network was made. */
  readonly now: () => number

  /**
   * Runs an effect inside a node, with its services, its clocks and its random source, and moves time until it is done.
   * What it forks into its scope lives as long as the node's process. Fails with `NotRunning` when that ends before.
   */
  readonly on: <A, E, R2>(
    name: string,
    effect: Effect.Effect<A, E, R2>
  ) => Effect.Effect<A, E | SimulationError, Exclude<R2, Services | R | Scope.Scope>>

  /**
   * Runs an effect with the services of a node as they are now, outside of it: no time passes, and a node that stands
   * still answers, too. For those who look on; what the application does it does by `on`.
   */
  readonly peek: <A, E, R2>(
    name: string,
    effect: Effect.Effect<A, E, R2>
  ) => Effect.Effect<A, E | SimulationError, Exclude<R2, Services | R>>

  /** The members as a node sees them. */
  readonly members: (name: string) => Effect.Effect<ReadonlyArray<Member>, SimulationError>

  /**
   * What a node has counted so far in a counter of `GossipMetrics`: the sum of its series that have these attributes.
   * Nodes count in a registry of the simulation's own, which forgets a node when it ends.
   */
  readonly count: (
    name: string,
    metric: Metric.Counter<number>,
    attributes?: { readonly [name: string]: string }
  ) => number

  /** The metrics of all running nodes. */
  readonly metrics: () => ReadonlyArray<Metric.Metric.Snapshot>

  /** Moves time on. */
  readonly advance: (duration: Duration.Input) => Effect.Effect<void>

  /**
   * Moves time on until a condition holds, and returns how long that took. It is looked at every so often (10 ms by
   * default). Fails with `NotReached` after `atMost`.
   */
  readonly until: <E, R2 = never>(
    condition: Effect.Effect<boolean, E, R2>,
    options: { readonly atMost: Duration.Input; readonly every?: Duration.Input }
  ) => Effect.Effect<Duration.Duration, E | SimulationError, R2>

  /** Whether every running node sees exactly the running nodes as alive, each in its present incarnation. */
  readonly isAgreed: Effect.Effect<boolean>

  /** Calls a function with every event until the scope closes. It must not throw. */
  readonly observe: (observer: (event: SimulationEvent) => void) => Effect.Effect<void, never, Scope.Scope>

  /** Puts an event of the test's own into the trace. */
  readonly note: (text: string) => Effect.Effect<void>

  /**
   * Sixteen hexadecimal digits that stand for all that happened so far: what `SimulatedNetwork.traceHash` has, timers,
   * faults, and with `trace` what nodes thought of each other. Equal for two runs that were the same.
   */
  readonly traceHash: () => string

  /** Fails when a fault could not be brought about when its time had come. */
  readonly failure: Effect.Effect<never, SimulationError>
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/**
 * Makes a simulation over the {@link SimulatedNetwork} at hand. Nodes still running when the scope closes end then, as
 * in a crash.
 */
export const make = <R = never, E = never>(
  options: Options<R, E>
): Effect.Effect<Simulation<R>, SimulationError, SimulatedNetwork.SimulatedNetwork | Scope.Scope> =>
  Effect.flatMap(build(options), ({ simulation, start }) => Effect.as(start, simulation))

/** The least that time moves by, in milliseconds. */
const clockStep = 0.001

/** How long nodes that end may take to, in milliseconds. */
const patience = 60_000

const positive = (option: string, input: Duration.Input): Effect.Effect<number, SimulationError> => {
  const millis = Option.match(Duration.fromInput(input), { onNone: () => NaN, onSome: Duration.toMillis })
  return millis > 0
    ? Effect.succeed(millis)
    : Stations.fail(new InvalidOption({ option, problem: `expected a duration above 0, received ${String(input)}` }))
}

const build = Effect.fnUntraced(function*<R, E>(
  options: Options<R, E>,
  observer?: (event: SimulationEvent) => void
) {
  yield* Stations.check(options)
  const network = yield* SimulatedNetwork.SimulatedNetwork
  const virtualTime = Option.getOrUndefined(yield* Effect.serviceOption(VirtualTime.VirtualTime))
  const timing = yield* Timing.make
  const failure = yield* Deferred.make<never, SimulationError>()
  const onFailure = (cause: Cause.Cause<SimulationError>) => Deferred.doneUnsafe(failure, Effect.failCause(cause))
  const onDefect = (defect: unknown) => onFailure(Cause.die(defect))
  const trace = new Trace(network, virtualTime, network.now, onDefect)
  if (observer !== undefined) yield* trace.observe(observer)

  // virtual time's clock is moved as Effect's test clock is
  const advance = TestClock.adjust

  /** Waits for a fiber, and moves time meanwhile. */
  const join = Effect.fnUntraced(function*<A, E>(fiber: Fiber.Fiber<A, E>) {
    if (virtualTime === undefined) yield* Effect.yieldNow
    while (fiber.pollUnsafe() === undefined) {
      if (virtualTime === undefined) {
        yield* advance("10 millis")
      } else {
        // at once when it is done, and not only when all else of that instant is
        const moving = virtualTime.runUntil(() => fiber.pollUnsafe() !== undefined, { atMost: "1 day" })
        yield* Effect.raceFirst(Fiber.await(fiber), Effect.ignore(moving))
      }
    }
    return yield* fiber.pollUnsafe()!
  })

  const stations = yield* Stations.make(options, network, timing, trace, onDefect, join)
  const faults = yield* Faults.make(stations, network, timing, trace, onFailure)
  const registered = Context.make(Metric.MetricRegistry, stations.registry)
  const running = () => stations.all.filter((station) => station.life !== undefined)

  const until = Effect.fnUntraced(function*<E, R2>(
    condition: Effect.Effect<boolean, E, R2>,
    { atMost, every = "10 millis" }: { readonly atMost: Duration.Input; readonly every?: Duration.Input }
  ) {
    const limit = Duration.toMillis(Duration.fromInputUnsafe(atMost))
    const step = yield* positive("every", every)
    const began = timing.now()
    while (true) {
      const taken = timing.now() - began
      if (yield* condition) return Duration.millis(taken)
      const left = limit - taken
      // what times differ by may come out a little less than it is, and so little no clock can be moved by
      if (left < clockStep) {
        return yield* Stations.fail(new NotReached({ atMost: Duration.format(Duration.millis(limit)) }))
      }
      yield* advance(Math.min(step, left))
    }
  })

  const on = Effect.fnUntraced(function*<A, E, R2>(name: string, effect: Effect.Effect<A, E, R2>) {
    const { life, station } = yield* stations.running(name)
    const outer = yield* Effect.context<Exclude<R2, Services | R | Scope.Scope>>()
    const context = Context.add(Context.merge(outer, life.context), Scope.Scope, life.scope)
    // it begins by a task of the node's, since the node may stand still
    const fiber = yield* Effect.forkDetach(
      Effect.provideContext(Effect.andThen(Effect.yieldNow, effect), context as Context.Context<R2>),
      { startImmediately: true }
    )
    Fiber.runIn(fiber, life.scope)
    const exit = yield* Effect.exit(Effect.onInterrupt(join(fiber), () => Fiber.interrupt(fiber)))
    if (Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause) && station.life !== life) {
      return yield* Stations.fail(new NotRunning({ name }))
    }
    return yield* exit
  })

  const isAgreed = Effect.gen(function*() {
    const views = running().map(({ life, node }) => [node.name, life!.membership] as const)
    const selves = new Map<string, Member>()
    for (const [name, membership] of views) selves.set(name, yield* membership.self)
    for (const [, membership] of views) {
      let alive = 0
      for (const member of yield* membership.members) {
        if (!isLive(member)) continue
        const self = selves.get(member.id)
        if (member.status !== "Alive" || self === undefined || self.incarnation !== member.incarnation) return false
        alive++
      }
      if (alive !== views.length) return false
    }
    return true
  })

  const disturbing = <A, E, R2>(effect: Effect.Effect<A, E, R2>) =>
    Effect.tap(effect, () => Effect.sync(faults.disturb))

  const simulation: Simulation<R> = {
    nodes: stations.all.map(({ node }) => node),
    running: () => running().map(({ node }) => node.name),
    lifeOf: (name) => stations.all.find(({ node }) => node.name === name)?.lives ?? 0,
    network,
    disk: (name) => Effect.map(stations.known(name), ({ disk }) => disk),
    start: (name) => disturbing(stations.start(name)),
    stop: (name) => disturbing(stations.stop(name)),
    crash: (name) => disturbing(stations.crash(name)),
    partition: (group, from) =>
      Effect.map(
        faults.inject(from === undefined ? Fault.partition(group) : Fault.partition(group, from)),
        ({ end }) => ({ heal: Effect.orDie(end) })
      ),
    inject: faults.inject,
    heal: faults.heal,
    quietFor: faults.quietFor,
    now: network.now,
    on,
    peek: (name, effect) =>
      Effect.flatMap(stations.running(name), ({ life }) => Effect.provideContext(effect, life.services)),
    members: (name) => Effect.flatMap(stations.running(name), ({ life }) => life.membership.members),
    count: (name, metric, attributes = {}) => {
      const wanted = Object.entries({ ...attributes, node: name })
      let total = 0
      for (const series of Metric.snapshotUnsafe(registered)) {
        if (series.id !== metric.id || series.type !== "Counter") continue
        if (wanted.every(([key, value]) => series.attributes?.[key] === value)) total += Number(series.state.count)
      }
      return total
    },
    metrics: () => Metric.snapshotUnsafe(registered),
    advance,
    until,
    isAgreed,
    observe: (observer) => Effect.andThen(trace.observe(observer), stations.watchChanges),
    note: network.note,
    traceHash: () => trace.hash(),
    failure: Deferred.await(failure)
  }

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      yield* stations.end
      for (let waited = 0; stations.closing.size > 0 && waited < patience; waited += 100) yield* advance("100 millis")
      // a finalizer that does not end must not hide what went wrong before
      for (const fiber of stations.closing) fiber.interruptUnsafe()
    })
  )

  const start = options.start === false
    ? Effect.void
    // all at once: the application in one may wait for that in another
    : Effect.forEach(stations.all, ({ node }) => stations.start(node.name), {
      concurrency: "unbounded",
      discard: true
    })
  return { simulation, stations, trace, faults, start }
})

// -----------------------------------------------------------------------------
// running
// -----------------------------------------------------------------------------

/** What {@link run} and the like do with a simulation. */
export type Program<A, E, R = never> = (
  simulation: Simulation<R>
) => Effect.Effect<A, E, VirtualTime.VirtualTime | Scope.Scope>

/**
 * Runs a program with a simulation over a network of its own, on the clock at hand: the `TestClock` of `it.effect`, or
 * virtual time. Faults come as the program runs; when both are done and time to settle has passed, the nodes end. The
 * first invariant that does not hold ends the run.
 */
export const runEffect = Effect.fnUntraced(function*<A, E, R = never, E2 = never, R2 = never>(
  options: RunOptions<R, E2>,
  program: (simulation: Simulation<R>) => Effect.Effect<A, E, R2>,
  observer?: (event: SimulationEvent) => void
) {
  const { checkEvery = defaults.checkEvery, faults = [], invariants = [] } = options
  const network = yield* SimulatedNetwork.make({ seed: options.seed, link: options.link })
  const every = yield* positive("checkEvery", checkEvery)
  const living = yield* Scope.make()
  const remains = yield* Effect.gen(function*() {
    const { faults: injected, simulation, start, stations, trace } = yield* build(options, observer)
    const watched = yield* watch(simulation, invariants, every, trace)
    // what is there from the beginning nodes find when they start; what is done to processes needs them
    const isThere = (fault: Fault.Fault) =>
      fault.at === 0 && fault._tag !== "Crash" && fault._tag !== "Pause" && fault._tag !== "BreakStreams"
    const done = Effect.gen(function*() {
      yield* simulation.inject(faults.filter(isThere))
      yield* start
      yield* simulation.inject(faults.filter((fault) => !isThere(fault)))
      const value = yield* Effect.scoped(program(simulation))
      yield* simulation.advance(Math.max(0, injected.endsAt() - injected.now()))
      yield* simulation.heal
      yield* simulation.advance(options.settle ?? settling(faults, invariants, every))
      yield* watched.lookOnceMore
      return value
    })
    const value = yield* Effect.ensuring(
      Effect.raceFirst(done, Effect.raceFirst(Deferred.await(watched.violation), simulation.failure)),
      Effect.sync(() => trace.record({ _tag: "RunEnded" }))
    )
    return { value, stations, trace }
  }).pipe(
    Effect.provideService(SimulatedNetwork.SimulatedNetwork, network),
    Effect.onExit((exit) => Scope.close(living, exit)),
    Scope.provide(living)
  )
  const { stations, trace, value } = remains
  for (const { ended, name } of invariants) {
    const problem = ended?.({ fibers: stations.activeFibers(), addresses: network.addresses() })
    if (problem === undefined) continue
    trace.record({ _tag: "Violated", invariant: name, problem })
    return yield* Stations.fail(new Violated({ invariant: name, problem, at: network.now() }))
  }
  return value
}, Effect.scoped)

// so that each invariant is looked at when it has to hold
const settling = (
  faults: Fault.Schedule,
  invariants: ReadonlyArray<{ readonly within: number }>,
  every: number
): number =>
  faults.length === 0 && invariants.length === 0
    ? 0
    : Math.max(0, ...invariants.map(({ within }) => within)) + Math.max(1000, every)

/** Runs a program with a simulation, wholly inside virtual time, and returns how it ended. See {@link runEffect}. */
export const run = <A, E, R = never, E2 = never>(
  options: RunOptions<R, E2>,
  program: Program<A, E, R>
): Exit.Exit<A, E | SimulationError | SimulatedNetwork.SimulatedNetworkError> => runObserved(options, program)

const runObserved = <A, E, R, E2>(
  options: RunOptions<R, E2>,
  program: Program<A, E, R>,
  observer?: (event: SimulationEvent) => void
) =>
  VirtualTime.run(runEffect(options, program, observer), {
    seed: options.seed,
    atMost: options.atMost,
    hostAccess: options.hostAccess
  })

/** Like {@link run}, but returns the program's value and throws its failure. */
export const runUnsafe = <A, E, R = never, E2 = never>(
  options: RunOptions<R, E2>,
  program: Program<A, E, R>
): A => {
  const exit = run(options, program)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

// -----------------------------------------------------------------------------
// searching
// -----------------------------------------------------------------------------

const nothing = () => Effect.void

/** A run: its seed, and what goes wrong in it. */
export interface Attempt {
  readonly seed: string | number
  readonly faults: Fault.Schedule
}

/** What {@link explore} searches. */
export interface ExploreOptions<R = never, E = never> extends Omit<RunOptions<R, E>, "seed" | "faults"> {
  /** How many seeds to try, from 0; or which. Default: 100. */
  readonly seeds?: number | Iterable<string | number> | undefined
  /** The bounds of the schedules, or schedules of one's own making. Default: {@link Fault.defaultBounds}. */
  readonly faults?: Fault.Bounds | Arbitrary.Arbitrary<Fault.Schedule> | undefined
  /** How many simpler schedules are tried when one has failed. Default: 300. */
  readonly maxShrinks?: number | undefined
  /** Is told of each run before it begins, those that shrink apart. */
  readonly onRun?: ((attempt: Attempt) => void) | undefined
  /** What the timeline of a failure is called. Default: `exploration`. */
  readonly title?: string | undefined
}

/** No run failed. */
export interface Held {
  readonly _tag: "Held"
  readonly runs: number
  /** Faults in all of them together. */
  readonly faults: number
}

/** A run failed: with this seed, and the smallest schedule that was found to do. */
export interface Broken extends Attempt {
  readonly _tag: "Broken"
  /** The schedule as it was found. */
  readonly found: Fault.Schedule
  /** Runs until it was found, with that. */
  readonly runs: number
  /** Further runs, to make it smaller. */
  readonly shrinkRuns: number
  readonly problem: string
  readonly cause: Cause.Cause<unknown>
  /** For {@link replay}. */
  readonly replay: string
  readonly timeline: Timeline
}

/** What a search found. */
export type Exploration = Held | Broken

/**
 * Runs a program with many seeds, each with a schedule of faults of its own, until a run fails: the program, or an
 * invariant. The schedule is then made as small as still fails in the same way.
 */
export const explore = <A, E, R = never, E2 = never>(options: ProgramOptions<A, E, R, E2>): Exploration =>
  Effect.runSync(exploring(options, Effect.void))

/** {@link explore} that lets the host do something else between two runs: for progress, and to be interrupted. */
export const exploreEffect = <A, E, R = never, E2 = never>(
  options: ProgramOptions<A, E, R, E2>
): Effect.Effect<Exploration> => exploring(options, Effect.yieldNow)

/** The seeds to try. Throws `InvalidOption` when there are none: a search that tries nothing would always succeed. */
export const seedsOf = (seeds: number | Iterable<string | number>): ReadonlyArray<string | number> => {
  const all = typeof seeds === "number"
    ? Number.isSafeInteger(seeds) && seeds > 0 ? Array.from({ length: seeds }, (_, seed) => seed) : []
    : typeof seeds === "string"
    ? []
    : [...seeds]
  if (all.length > 0) return all
  const problem = `expected how many, 1 or more, or a list of which, received ${JSON.stringify(seeds)}`
  throw new SimulationError({ reason: new InvalidOption({ option: "seeds", problem }) })
}

type ProgramOptions<A, E, R, E2> = ExploreOptions<R, E2> & {
  /** What the nodes are used for meanwhile. Default: nothing. */
  readonly program?: Program<A, E, R> | undefined
}

const exploring = <A, E, R, E2>(options: ProgramOptions<A, E, R, E2>, between: Effect.Effect<void>) => {
  const { faults, maxShrinks = 300, onRun, program, seeds = 100, title, ...rest } = options
  const used: Program<A | void, E, R> = program ?? nothing
  const nodes = Stations.nodesOf(options.nodes)
  const tried = seedsOf(seeds)
  return Explore.explore(
    {
      seeds: tried,
      faults: Arbitrary.isArbitrary(faults) ? faults : Fault.arbitrary(nodes.map(({ name }) => name), faults),
      maxShrinks,
      onRun,
      between
    },
    { title: title ?? "exploration", nodes },
    (attempt, observer) => runObserved({ trace: true, ...rest, ...attempt }, used, observer)
  )
}

/** Runs a program as {@link run} does, and keeps what happened for a picture. */
export const record = <A, E, R = never, E2 = never>(
  options: RunOptions<R, E2> & {
    /** What the timeline is called. Default: `simulation`. */
    readonly title?: string | undefined
  },
  program: Program<A | void, E, R> = nothing
): {
  readonly exit: Exit.Exit<A | void, E | SimulationError | SimulatedNetwork.SimulatedNetworkError>
  readonly timeline: Timeline
} =>
  Explore.record(
    { seed: options.seed ?? 0, faults: options.faults ?? [] },
    { title: options.title ?? "simulation", nodes: Stations.nodesOf(options.nodes) },
    (_, observer) => runObserved({ trace: true, ...options }, program, observer)
  )

/** The environment variable by which `it.simulation` is told what to replay. */
export const replayVariable = "SIMULATION_REPLAY"

/** The one line that stands for a run. */
export const formatReplay: (attempt: Attempt) => string = Explore.formatReplay

/** Reads what {@link formatReplay} wrote. Fails with `InvalidReplay`. */
export const parseReplay: (token: string) => Effect.Effect<Attempt, SimulationError> = Explore.parseReplay

/** Runs a program as {@link explore} did when it failed: `token` is the `replay` of what that found. */
export const replay = <A, E, R = never, E2 = never>(
  options: Omit<RunOptions<R, E2>, "seed" | "faults">,
  token: string,
  program: Program<A | void, E, R> = nothing
): Exit.Exit<A | void, E | SimulationError | SimulatedNetwork.SimulatedNetworkError> => {
  const attempt = Effect.runSyncExit(parseReplay(token))
  return Exit.isFailure(attempt)
    ? Exit.failCause(attempt.cause)
    : run({ trace: true, ...options, ...attempt.value }, program)
}

/** What a search found, in words: what is wrong, the schedule, and, unless left out, the line that replays it. */
export const format: (
  exploration: Exploration,
  options?: {
    /** Default: true. */
    readonly replay?: boolean | undefined
  }
) => string = Explore.format

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

export * from "./internal/simulation/errors.ts"
