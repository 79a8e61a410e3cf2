/**
 * The machines of a simulation: each has a name, an address, clocks and a disk for as long as the simulation lasts, and
 * runs one process of a node after another.
 */
import * as Address from "@effect-gossip/core/Address"
import * as Gossip from "@effect-gossip/core/Gossip"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type { MembershipEvent } from "@effect-gossip/core/membership/MembershipEvent"
import { Transport } from "@effect-gossip/core/Transport"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SimulatedDisk from "../../SimulatedDisk.ts"
import type { SimulatedNetwork } from "../../SimulatedNetwork.ts"
import type { Options, Services, SimulatedNode } from "../../Simulation.ts"
import { NodeTime } from "../nodeTime.ts"
import * as SplitRandom from "../splitRandom.ts"
import type { Timing } from "../timing.ts"
import {
  AlreadyRunning,
  InvalidOption,
  NotRunning,
  NotStarted,
  SimulationError,
  type SimulationErrorReason,
  UnknownNode
} from "./errors.ts"
import type { Trace } from "./trace.ts"

/** One process of a node. */
export interface Life<R> {
  /** What its fibers run with: its services, and its clocks and random source. */
  readonly context: Context.Context<Services | R>
  /** Its services alone. */
  readonly services: Context.Context<Services | R>
  readonly membership: Membership["Service"]
  /** The socket: closing it is what a crash does to a node. */
  readonly socket: Scope.Closeable
  readonly scope: Scope.Closeable
}

export interface Station<R> {
  readonly node: SimulatedNode
  readonly index: number
  readonly time: NodeTime
  readonly disk: SimulatedDisk.SimulatedDisk
  lives: number
  life: Life<R> | undefined
  /** The process that is being built. */
  starting: Starting | undefined
  /** The process that leaves. */
  leaving: Leaving | undefined
}

interface Starting {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly socket: Scope.Closeable
  readonly scope: Scope.Closeable
  /** Whether it crashed before it ran. */
  isAborted: boolean
}

interface Leaving {
  readonly fiber: Fiber.Fiber<void>
  readonly socket: Scope.Closeable
}

export const fail = (reason: SimulationErrorReason) => Effect.fail(new SimulationError({ reason }))

const addressOf = (index: number): Address.Address =>
  Address.make({ host: `10.${index >>> 16}.${(index >>> 8) & 0xff}.${index & 0xff}`, port: 7946 })

/** The nodes that the options name. */
export const nodesOf = (nodes: number | ReadonlyArray<string>): ReadonlyArray<SimulatedNode> =>
  (typeof nodes === "number" ? Array.from({ length: nodes }, (_, index) => `n${index}`) : nodes)
    .map((name, index) => ({ name, address: addressOf(index + 1) }))

const isName = (name: unknown): boolean => typeof name === "string" && name.length > 0 && name.length <= 128

/** Fails when the options name no nodes, or one twice, or have no seed that stands for a run. */
export const check = ({ nodes, seed }: Pick<Options, "nodes" | "seed">): Effect.Effect<void, SimulationError> => {
  const names = typeof nodes === "number" ? [] : nodes
  const problem = typeof nodes === "number"
    ? Number.isSafeInteger(nodes) && nodes > 0 && nodes <= maxNodes ? undefined : `a number from 1 to ${maxNodes}`
    : names.length === 0 || names.length > maxNodes
    ? `1 to ${maxNodes} names`
    : !names.every(isName)
    ? "names of 1 to 128 characters"
    : new Set(names).size < names.length
    ? "names that differ"
    : undefined
  if (problem !== undefined) {
    return fail(
      new InvalidOption({ option: "nodes", problem: `expected ${problem}, received ${JSON.stringify(nodes)}` })
    )
  }
  return typeof seed === "number" && !Number.isFinite(seed)
    ? fail(new InvalidOption({ option: "seed", problem: `expected a text or a finite number, received ${seed}` }))
    : Effect.void
}

const maxNodes = 100_000

export interface Stations<R> {
  readonly all: ReadonlyArray<Station<R>>
  /** The nodes' metrics, of which a node takes away its own when it ends. */
  readonly registry: Metric.MetricRegistry
  /** Fibers of nodes that have begun and not ended. */
  readonly activeFibers: () => number
  /** From now on what nodes think of each other is recorded. */
  readonly watchChanges: Effect.Effect<void>
  readonly known: (name: string) => Effect.Effect<Station<R>, SimulationError>
  readonly running: (name: string) => Effect.Effect<{ station: Station<R>; life: Life<R> }, SimulationError>
  readonly start: (name: string) => Effect.Effect<void, SimulationError>
  readonly stop: (name: string) => Effect.Effect<void, SimulationError>
  readonly crash: (name: string) => Effect.Effect<void, SimulationError>
  /** Whether a process is being built, or leaves. */
  readonly isChanging: () => boolean
  /** Is told of each process that ends. */
  onEnd: (station: Station<R>) => void
  /** Ends all processes as by a power failure. */
  readonly end: Effect.Effect<void>
  /** Processes that have ended, some fibers of which have not. */
  readonly closing: ReadonlySet<Fiber.Fiber<void>>
}

export const make = Effect.fnUntraced(function*<R, E>(
  options: Options<R, E>,
  network: SimulatedNetwork["Service"],
  timing: Timing,
  trace: Trace,
  onDefect: (defect: unknown) => void,
  /** Waits for a fiber, and moves time meanwhile. */
  join: <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.Effect<A, E>
) {
  const clock = yield* Clock.Clock
  const scheduler = yield* Scheduler.Scheduler
  const watching = yield* Effect.scope
  const seed = options.seed ?? 0
  const registry: Metric.MetricRegistry = new Map()
  let fibers = 0
  const counted = {
    recordFiberStart: () => void fibers++,
    recordFiberEnd: () => void fibers--
  }
  const all: Array<Station<R>> = []
  for (const [index, node] of nodesOf(options.nodes).entries()) {
    all.push({
      node,
      index,
      time: new NodeTime(timing, clock, scheduler),
      disk: yield* SimulatedDisk.make({ seed: `${seed}/${node.name}/disk` }),
      lives: 0,
      life: undefined,
      starting: undefined,
      leaving: undefined
    })
  }
  const byName = new Map(all.map((station) => [station.node.name, station]))
  // Closing a node takes time, which it is the caller who moves: nobody may wait for it without moving time.
  const closing = new Set<Fiber.Fiber<void>>()

  const close = Effect.fnUntraced(function*(
    process: { readonly scope: Scope.Closeable; readonly context: Context.Context<never> }
  ) {
    const fiber = yield* Effect.forkDetach(
      Effect.provideContext(Scope.close(process.scope, Exit.void), process.context),
      { startImmediately: true }
    )
    closing.add(fiber)
    fiber.addObserver(() => closing.delete(fiber))
    return fiber
  })

  const known = (name: string) => {
    const station = byName.get(name)
    return station === undefined ? fail(new UnknownNode({ name })) : Effect.succeed(station)
  }
  const running = (name: string) =>
    Effect.flatMap(known(name), (station) => {
      const { life } = station
      return life === undefined ? fail(new NotRunning({ name })) : Effect.succeed({ station, life })
    })
  const address = (text: string): string => byName.get(text)?.node.address ?? text

  const layerOf = ({ index, node }: Station<R>) => {
    const given = typeof options.gossip === "function" ? options.gossip(node, index) : options.gossip ?? {}
    const seeds = given.seeds ?? (all.length > 1 ? [all[0]!.node.name] : undefined)
    const gossip = Gossip.layer({
      name: node.name,
      ...given,
      ...(seeds === undefined ? {} : { seeds: seeds.map(address) })
    }).pipe(Layer.provide(options.protocol ?? Layer.empty))
    const { layer } = options
    // then there are no services `R`
    if (layer === undefined) return gossip as Layer.Layer<Gossip.Services | R, Layer.Error<typeof gossip>, Transport>
    return Layer.provideMerge(typeof layer === "function" ? layer(node, index) : layer, gossip)
  }

  let isWatching = options.trace === true
  const watch = (name: string, membership: Membership["Service"]) =>
    Effect.forkIn(
      membership.changes.pipe(
        Stream.runForEach((event) => Effect.sync(() => trace.record(changed(name, event)))),
        // the stream ends with its node; an observer that throws ends the run
        Effect.catchDefect((defect) => Effect.sync(() => onDefect(defect))),
        Effect.ignore
      ),
      watching
    )

  const start = Effect.fnUntraced(function*(name: string) {
    const station = yield* known(name)
    const isUp = () => station.life !== undefined || station.starting !== undefined
    if (isUp()) return yield* fail(new AlreadyRunning({ name }))
    // the former process has the address until it has left
    while (station.leaving !== undefined) yield* Effect.exit(join(station.leaving.fiber))
    if (isUp()) return yield* fail(new AlreadyRunning({ name }))
    // closed by `stop`, `crash` and `end`, each in its way
    const socket = yield* Scope.make()
    const scope = yield* Scope.make()
    const notStarted = (cause: unknown) => new SimulationError({ reason: new NotStarted({ name, cause }) })
    const transport = yield* Effect.mapError(
      Scope.provide(network.open({ address: station.node.address }), socket),
      notStarted
    )
    const number = ++station.lives
    const environment = Context.make(Clock.Clock, station.time as Clock.Clock).pipe(
      Context.add(Scheduler.Scheduler, station.time),
      Context.add(Random.Random, SplitRandom.make(`${seed}/${name}/${number}`)),
      Context.add(Metric.MetricRegistry, registry),
      Context.add(Metric.FiberRuntimeMetrics, counted),
      Context.add(References.MinimumLogLevel, options.minimumLogLevel ?? "None")
    )
    const disk = yield* Scope.provide(station.disk.open, socket)
    const fiber = yield* Effect.forkDetach(
      Layer.buildWithScope(Layer.fresh(layerOf(station)), scope).pipe(
        Effect.provideContext(Context.add(Context.merge(environment, disk), Transport, transport))
      ),
      { startImmediately: true }
    )
    const starting: Starting = { fiber, socket, scope, isAborted: false }
    station.starting = starting
    const exit = yield* Effect.exit(Effect.onInterrupt(join(fiber), () => Fiber.interrupt(fiber)))
    if (starting.isAborted) return
    station.starting = undefined
    if (Exit.isFailure(exit)) {
      yield* Scope.close(socket, Exit.void)
      yield* close({ scope, context: environment })
      return yield* Cause.hasInterruptsOnly(exit.cause)
        ? Effect.interrupt
        : Effect.fail(notStarted(Cause.squash(exit.cause)))
    }
    const services = Context.merge(disk, exit.value)
    const context = Context.merge(environment, services)
    const life = { context, services, membership: Context.get(exit.value, Membership), socket, scope }
    station.life = life as Life<R>
    trace.record({ _tag: "NodeStarted", node: name, address: station.node.address, life: number })
    if (isWatching) yield* watch(name, life.membership)
  })

  const stop = Effect.fnUntraced(function*(name: string) {
    const { life, station } = yield* running(name)
    station.life = undefined
    trace.record({ _tag: "NodeStopped", node: name })
    const fiber = yield* close(life)
    const leaving = { fiber, socket: life.socket }
    station.leaving = leaving
    yield* Effect.ensuring(
      join(fiber),
      Effect.suspend(() => {
        if (station.leaving === leaving) {
          station.leaving = undefined
          stations.onEnd(station)
        }
        return Scope.close(life.socket, Exit.void)
      })
    )
  })

  // what the node still tries to say comes to nothing, and what it still tries to write is not written
  const kill = Effect.fnUntraced(function*(station: Station<R>) {
    const { leaving, life, starting } = station
    station.life = station.starting = station.leaving = undefined
    for (const process of [life, starting, leaving]) {
      if (process !== undefined) yield* Scope.close(process.socket, Exit.void)
    }
    station.time.resume()
    if (life !== undefined) yield* close(life)
    if (starting !== undefined) {
      starting.isAborted = true
      starting.fiber.interruptUnsafe()
      yield* close({ scope: starting.scope, context: Context.empty() })
    }
    stations.onEnd(station)
  })

  const crash = Effect.fnUntraced(function*(name: string) {
    const station = yield* known(name)
    if (station.life === undefined && station.starting === undefined) return yield* fail(new NotRunning({ name }))
    trace.record({ _tag: "NodeCrashed", node: name })
    yield* kill(station)
  })

  const end = Effect.suspend(() => Effect.forEach(all, kill, { discard: true }))

  const watchChanges = Effect.suspend(() => {
    if (isWatching) return Effect.void
    isWatching = true
    return Effect.forEach(
      all,
      ({ life, node }) => life === undefined ? Effect.void : watch(node.name, life.membership),
      { discard: true }
    )
  })

  const stations: Stations<R> = {
    all,
    watchChanges,
    registry,
    activeFibers: () => fibers,
    known,
    running,
    start,
    stop,
    crash,
    isChanging: () => all.some(({ leaving, starting }) => leaving !== undefined || starting !== undefined),
    onEnd: () => {},
    end,
    closing
  }
  return stations
})

const changed = (node: string, event: MembershipEvent) =>
  event._tag === "Conflict"
    ? { _tag: "MemberChanged", node, member: event.id, change: event._tag, incarnation: undefined } as const
    : {
      _tag: "MemberChanged",
      node,
      member: event.member.id,
      change: event._tag,
      incarnation: event.member.incarnation
    } as const
