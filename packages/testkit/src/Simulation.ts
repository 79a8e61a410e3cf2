/**
 * A cluster of real nodes in one process, over a {@link SimulatedNetwork}, from a seed.
 *
 * Every node is what `Gossip.layer` makes, with its own random stream split from the seed and its own transport. A test
 * moves time, breaks things, and looks at what each node sees. Under {@link VirtualTime} a run is the same for the same
 * seed; under Effect's `TestClock` the same test passes, more slowly.
 *
 * **Example** (A partition that heals)
 *
 * ```ts import.meta.vitest
 * import { Simulation } from "@effect-gossip/testkit"
 * import { Effect } from "effect"
 *
 * const exit = Simulation.run({ nodes: 5, seed: 1 }, (sim) =>
 *   Effect.gen(function*() {
 *     yield* sim.until(sim.isAgreed, { atMost: "3 seconds" })
 *     const cut = yield* sim.partition(["n3", "n4"])
 *     yield* sim.advance("1 minute")
 *     yield* cut.heal
 *     yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
 *   }))
 *
 * exit._tag // => "Success"
 * ```
 *
 * @since 0.1.0
 */
import * as Address from "@effect-gossip/core/Address"
import * as Gossip from "@effect-gossip/core/Gossip"
import { isLive, type Member } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type { Node } from "@effect-gossip/core/node/Node"
import { type InvalidOption, Transport, type TransportError } from "@effect-gossip/core/Transport"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as SplitRandom from "./internal/splitRandom.ts"
import * as SimulatedNetwork from "./SimulatedNetwork.ts"
import * as VirtualTime from "./VirtualTime.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A node of a simulation. */
export interface SimulatedNode {
  readonly name: string
  readonly address: Address.Address
}

/** What a simulation is made of. */
export interface Options {
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
  /** Which protocol knows the members, such as `Swim.layer(…)`. Default: Swim with its defaults. */
  readonly protocol?: Layer.Layer<never, InvalidOption> | undefined
  /** Whether all nodes start at once, when the simulation is made. Default: true. */
  readonly start?: boolean | undefined
  /** The least level of the nodes' own log lines that is logged. Default: `None`. */
  readonly minimumLogLevel?: LogLevel.LogLevel | undefined
}

/** A group of nodes, by their names. */
export type Group = ReadonlyArray<string>

// -----------------------------------------------------------------------------
// service
// -----------------------------------------------------------------------------

/** A running simulation. */
export interface Simulation {
  /** All nodes, running or not, in order. */
  readonly nodes: ReadonlyArray<SimulatedNode>

  /** The names of the nodes that run now, in order. */
  readonly running: () => ReadonlyArray<string>

  /** The network, for what has no verb here. */
  readonly network: SimulatedNetwork.SimulatedNetwork["Service"]

  /** Starts a node that does not run. After a crash it comes back as another process of the same name and address. */
  readonly start: (name: string) => Effect.Effect<void, SimulationError>

  /** Lets a node leave, and waits until it has. */
  readonly stop: (name: string) => Effect.Effect<void, SimulationError>

  /** Ends a node as a power failure would: it says nothing more, and its address is free. */
  readonly crash: (name: string) => Effect.Effect<void, SimulationError>

  /** Runs an effect with the services of a node. */
  readonly on: <A, E>(
    name: string,
    effect: Effect.Effect<A, E, Membership | Node>
  ) => Effect.Effect<A, E | SimulationError>

  /**
   * What a node has counted so far in a counter of `GossipMetrics`: the sum of its series that have these attributes.
   * Nodes count in a registry of the simulation's own, which forgets a node when it ends.
   */
  readonly count: (
    name: string,
    metric: Metric.Counter<number>,
    attributes?: { readonly [name: string]: string }
  ) => number

  /** The members as a node sees them. */
  readonly members: (name: string) => Effect.Effect<ReadonlyArray<Member>, SimulationError>

  /** Cuts a group off from everyone else, or from another group, both ways. */
  readonly partition: (group: Group, from?: Group) => Effect.Effect<SimulatedNetwork.Partition, SimulationError>

  /** Moves time on. */
  readonly advance: (duration: Duration.Input) => Effect.Effect<void>

  /**
   * Moves time on until a condition holds, and returns how long that took. It is looked at every so often (10 ms by
   * default). Fails with `NotReached` after `atMost`.
   */
  readonly until: <E>(
    condition: Effect.Effect<boolean, E>,
    options: { readonly atMost: Duration.Input; readonly every?: Duration.Input }
  ) => Effect.Effect<Duration.Duration, E | SimulationError>

  /** Whether every running node sees exactly the running nodes as alive, each in its present incarnation. */
  readonly isAgreed: Effect.Effect<boolean>
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

interface Running {
  readonly context: Context.Context<Membership | Node>
  /** The socket: closing it is what a crash does to a node. */
  readonly socket: Scope.Closeable
  readonly scope: Scope.Closeable
}

const fail = (reason: SimulationErrorReason) => Effect.fail(new SimulationError({ reason }))

const addressOf = (index: number): Address.Address =>
  Address.make({ host: `10.${index >>> 16}.${(index >>> 8) & 0xff}.${index & 0xff}`, port: 7946 })

/**
 * Makes a simulation over the {@link SimulatedNetwork} at hand. Nodes still running when the scope closes leave then.
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const network = yield* SimulatedNetwork.SimulatedNetwork
  const seed = options.seed ?? 0
  const clock = yield* Clock.Clock
  const names = typeof options.nodes === "number"
    ? Array.from({ length: options.nodes }, (_, index) => `n${index}`)
    : options.nodes
  const nodes: ReadonlyArray<SimulatedNode> = names.map((name, index) => ({ name, address: addressOf(index + 1) }))
  const byName = new Map(nodes.map((node, index) => [node.name, { node, index }]))
  const running = new Map<string, Running>()
  const registry: Metric.MetricRegistry = new Map()
  const registered = Context.make(Metric.MetricRegistry, registry)
  const lives = new Map<string, number>()
  // Closing a node takes time, which it is the caller who moves: nobody may wait for it without moving time.
  const closing = new Set<Fiber.Fiber<void>>()
  const close = Effect.fnUntraced(function*(node: Running) {
    const fiber = yield* Effect.forkDetach(Scope.close(node.scope, Exit.void), { startImmediately: true })
    closing.add(fiber)
    fiber.addObserver(() => closing.delete(fiber))
    return fiber
  })

  const known = (name: string) => {
    const found = byName.get(name)
    return found === undefined ? fail(new UnknownNode({ name })) : Effect.succeed(found)
  }
  const runs = (name: string) =>
    Effect.flatMap(known(name), () => {
      const found = running.get(name)
      return found === undefined ? fail(new NotRunning({ name })) : Effect.succeed(found)
    })
  const address = (text: string): string => byName.get(text)?.node.address ?? text

  const layerOf = ({ index, node }: { readonly node: SimulatedNode; readonly index: number }) => {
    const given = typeof options.gossip === "function" ? options.gossip(node, index) : options.gossip ?? {}
    const seeds = given.seeds ?? (nodes.length > 1 ? [nodes[0]!.name] : undefined)
    return Gossip.layer({
      name: node.name,
      ...given,
      ...(seeds === undefined ? {} : { seeds: seeds.map(address) })
    }).pipe(
      Layer.provide(options.protocol ?? Layer.empty)
    )
  }

  const start = Effect.fnUntraced(function*(name: string) {
    const found = yield* known(name)
    if (running.has(name)) return yield* fail(new AlreadyRunning({ name }))
    const life = (lives.get(name) ?? 0) + 1
    lives.set(name, life)
    // closed by `stop`, `crash` and the finalizer below, each in its way
    const socket = yield* Scope.make()
    const nodeScope = yield* Scope.make()
    const transport = yield* Scope.provide(network.open({ address: found.node.address }), socket).pipe(
      Effect.mapError((error: TransportError) =>
        new SimulationError({ reason: new NotStarted({ name, cause: error }) })
      )
    )
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(found)), nodeScope).pipe(
      Effect.mapError((cause) => new SimulationError({ reason: new NotStarted({ name, cause }) })),
      Effect.provideService(Transport, transport),
      Effect.provideService(Metric.MetricRegistry, registry),
      Effect.provideService(Random.Random, SplitRandom.make(`${seed}/${name}/${life}`)),
      Effect.provideService(References.MinimumLogLevel, options.minimumLogLevel ?? "None"),
      Effect.onError(() => Effect.andThen(Scope.close(nodeScope, Exit.void), Scope.close(socket, Exit.void)))
    )
    running.set(name, { context, socket, scope: nodeScope })
  })

  const stop = Effect.fnUntraced(function*(name: string) {
    const found = yield* runs(name)
    running.delete(name)
    const leaving = yield* close(found)
    yield* until(Effect.sync(() => leaving.pollUnsafe() !== undefined), { atMost: "1 hour" })
    yield* Scope.close(found.socket, Exit.void)
  })

  const crash = Effect.fnUntraced(function*(name: string) {
    const found = yield* runs(name)
    running.delete(name)
    yield* network.note(`crash ${name}`)
    yield* Scope.close(found.socket, Exit.void)
    // what the node still tries to say comes to nothing
    yield* close(found)
  })

  // virtual time's clock is moved as Effect's test clock is
  const advance = TestClock.adjust

  const until = Effect.fnUntraced(function*<E>(
    condition: Effect.Effect<boolean, E>,
    { atMost, every = "10 millis" }: { readonly atMost: Duration.Input; readonly every?: Duration.Input }
  ) {
    const limit = Duration.toMillis(Duration.fromInputUnsafe(atMost))
    const began = clock.currentTimeMillisUnsafe()
    while (true) {
      if (yield* condition) return Duration.millis(clock.currentTimeMillisUnsafe() - began)
      if (clock.currentTimeMillisUnsafe() - began >= limit) {
        return yield* fail(new NotReached({ atMost: Duration.format(Duration.millis(limit)) }))
      }
      yield* advance(every)
    }
  })

  const addresses = (group: Group) =>
    Effect.forEach(group, (name) => Effect.map(known(name), ({ node }) => node.address))

  const isAgreed = Effect.gen(function*() {
    const selves = new Map<string, Member>()
    for (const [name, { context }] of running) selves.set(name, yield* Context.get(context, Membership).self)
    for (const { context } of running.values()) {
      let alive = 0
      for (const member of yield* Context.get(context, Membership).members) {
        if (!isLive(member)) continue
        const self = selves.get(member.id)
        if (member.status !== "Alive" || self === undefined || self.incarnation !== member.incarnation) return false
        alive++
      }
      if (alive !== running.size) return false
    }
    return true
  })

  const simulation: Simulation = {
    nodes,
    running: () => names.filter((name) => running.has(name)),
    network,
    start,
    stop,
    crash,
    on: (name, effect) => Effect.flatMap(runs(name), ({ context }) => Effect.provideContext(effect, context)),
    count: (name, metric, attributes = {}) => {
      const wanted = Object.entries({ ...attributes, node: name })
      let total = 0
      for (const series of Metric.snapshotUnsafe(registered)) {
        if (series.id !== metric.id || series.type !== "Counter") continue
        if (wanted.every(([key, value]) => series.attributes?.[key] === value)) total += Number(series.state.count)
      }
      return total
    },
    members: (name) => Effect.flatMap(runs(name), ({ context }) => Context.get(context, Membership).members),
    partition: Effect.fnUntraced(function*(group, from) {
      const one = yield* addresses(group)
      return yield* from === undefined ? network.partition(one) : network.partition(one, yield* addresses(from))
    }),
    advance,
    until,
    isAgreed
  }

  yield* Effect.addFinalizer(() =>
    Effect.gen(function*() {
      for (const node of running.values()) {
        yield* Scope.close(node.socket, Exit.void)
        yield* close(node)
      }
      running.clear()
      while (closing.size > 0) yield* advance("100 millis")
    })
  )

  if (options.start !== false) yield* Effect.forEach(names, start, { discard: true })
  return simulation
})

// -----------------------------------------------------------------------------
// running
// -----------------------------------------------------------------------------

/** Runs a program with a simulation, wholly inside virtual time, and returns how it ended. */
export const run = <A, E>(
  options: Options & Pick<VirtualTime.RunOptions, "atMost">,
  program: (simulation: Simulation) => Effect.Effect<A, E, VirtualTime.VirtualTime | Scope.Scope>
): Exit.Exit<A, E | SimulationError | SimulatedNetwork.SimulatedNetworkError> =>
  VirtualTime.run(
    Effect.scoped(
      Effect.flatMap(make(options), program).pipe(
        Effect.provide(SimulatedNetwork.layer({ seed: options.seed, link: options.link }))
      )
    ),
    { seed: options.seed, atMost: options.atMost }
  )

/** Like {@link run}, but returns the program's value and throws its failure. */
export const runUnsafe = <A, E>(
  options: Options & Pick<VirtualTime.RunOptions, "atMost">,
  program: (simulation: Simulation) => Effect.Effect<A, E, VirtualTime.VirtualTime | Scope.Scope>
): A => {
  const exit = run(options, program)
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

// -----------------------------------------------------------------------------
// errors
// -----------------------------------------------------------------------------

/** No node of the simulation has this name. */
export class UnknownNode extends Schema.TaggedError<UnknownNode>()("UnknownNode", { name: Schema.String }) {
  override get message() {
    return `no node of the simulation is named ${this.name}`
  }
}

/** The node does not run: it was never started, has left or has crashed. */
export class NotRunning extends Schema.TaggedError<NotRunning>()("NotRunning", { name: Schema.String }) {
  override get message() {
    return `${this.name} does not run`
  }
}

/** The node runs already. */
export class AlreadyRunning extends Schema.TaggedError<AlreadyRunning>()("AlreadyRunning", { name: Schema.String }) {
  override get message() {
    return `${this.name} runs already`
  }
}

/** The node could not be made. */
export class NotStarted extends Schema.TaggedError<NotStarted>()("NotStarted", {
  name: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.name} could not be started: ${String(this.cause)}`
  }
}

/** A condition did not come to hold in time. */
export class NotReached extends Schema.TaggedError<NotReached>()("NotReached", { atMost: Schema.String }) {
  override get message() {
    return `the condition did not hold within ${this.atMost}`
  }
}

/** Why a simulation could not do what it was told. */
export const SimulationErrorReason = Schema.Union([UnknownNode, NotRunning, AlreadyRunning, NotStarted, NotReached])

/** @since 0.1.0 */
export type SimulationErrorReason = typeof SimulationErrorReason.Type

/** The failure of a simulation. Its message is that of its reason. */
export class SimulationError extends Schema.TaggedError<SimulationError>()("SimulationError", {
  reason: SimulationErrorReason
}) {
  override get message() {
    return this.reason.message
  }
}
