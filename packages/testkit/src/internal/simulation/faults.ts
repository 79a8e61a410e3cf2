/** Brings faults about in a simulation, and ends them. */
import type { Address } from "@effect-gossip/core/Address"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schema from "effect/Schema"
import * as Fault from "../../Fault.ts"
import type { SimulatedNetwork } from "../../SimulatedNetwork.ts"
import type { Injected } from "../../Simulation.ts"
import type { Timing } from "../timing.ts"
import { InvalidFault, type SimulationError } from "./errors.ts"
import { fail, type Station, type Stations } from "./stations.ts"
import type { Trace } from "./trace.ts"

type Step = Effect.Effect<void, SimulationError>

/** What ends a fault that has begun, if anything does. */
interface Begun {
  readonly end: Step | undefined
}

const nothing: Begun = { end: undefined }

/** A fault that was asked for. */
interface Entry {
  readonly id: number
  readonly fault: Fault.Fault
  /** What ends it, while it is in force; `undefined` before, and after. */
  end: Step | undefined
  /** The timer of its beginning, then of its end. */
  timer: { readonly cancel: () => void } | undefined
}

export interface Faults {
  readonly inject: (faults: Fault.Fault | Fault.Schedule) => Effect.Effect<Injected, SimulationError>
  /** Ends all that are in force, forgets those to come, and heals the network. */
  readonly heal: Step
  /** How long none has been in force, in milliseconds; 0 while one is, or while a process is built or leaves. */
  readonly quietFor: () => number
  /** When the last of them ends, as the clock of `timing` has it. */
  readonly endsAt: () => number
  /** That clock. */
  readonly now: () => number
  /** Something happened now that nodes need time to come over. */
  readonly disturb: () => void
}

const decode = Schema.decodeUnknownEffect(Fault.Schedule)

/** `onError` hears of faults that could not be brought about when their time came. */
export const make = Effect.fnUntraced(function*<R>(
  stations: Stations<R>,
  network: SimulatedNetwork["Service"],
  timing: Timing,
  trace: Trace,
  onError: (cause: Cause.Cause<SimulationError>) => void
) {
  const run = yield* FiberSet.makeRuntime<never>()
  const active = new Set<Entry>()
  const coming = new Set<Entry>()
  const pauses = new Map<Station<R>, Set<Entry>>()
  const drifts = new Map<Station<R>, Set<Entry>>()
  const disks = new Map<Station<R>, Set<Entry>>()
  let ids = 0
  let disturbedAt = timing.now()
  let endsAt = disturbedAt
  const disturb = () => {
    disturbedAt = timing.now()
  }
  // a stall is of a process: the next one of the node is awake
  stations.onEnd = (station) => {
    for (const entry of pauses.get(station) ?? []) forget(entry)
    pauses.delete(station)
    disturb()
  }

  // ---------------------------------------------------------------------------
  // each kind
  // ---------------------------------------------------------------------------

  const addresses = (group: Fault.Group): Effect.Effect<Array<Address>, SimulationError> =>
    Effect.forEach(group, (name) => Effect.map(stations.known(name), ({ node }) => node.address))

  const orOthers = (group: Fault.Group | undefined) =>
    group === undefined ? Effect.succeed("others" as const) : addresses(group)

  // of faults of a kind at one node the last that is still in force counts
  const stacked = (
    stacks: Map<Station<R>, Set<Entry>>,
    entry: Entry,
    name: string,
    apply: (station: Station<R>, fault: Fault.Fault | undefined) => void
  ) =>
    Effect.map(stations.known(name), (station): Begun => {
      const stack = stacks.get(station) ?? new Set()
      stacks.set(station, stack.add(entry))
      apply(station, entry.fault)
      const end = Effect.sync(() => {
        stack.delete(entry)
        apply(station, Array.from(stack).at(-1)?.fault)
      })
      return { end }
    })

  const crashes = new Map<Station<R>, Set<Entry>>()

  // A node is down as long as one of its crashes lasts; one that was down for other reasons stays so.
  const crash = Effect.fnUntraced(function*(entry: Entry, fault: typeof Fault.Crash.Type) {
    const station = yield* stations.known(fault.node)
    const lasting = crashes.get(station) ?? new Set()
    const isUp = station.life !== undefined || station.starting !== undefined
    if (!isUp && lasting.size === 0) return nothing
    crashes.set(station, lasting.add(entry))
    if (isUp) yield* stations.crash(fault.node)
    if (fault.disk === "lost") station.disk.wipeUnsafe()
    const end = Effect.suspend(() => {
      lasting.delete(entry)
      const isDown = station.life === undefined && station.starting === undefined
      return lasting.size === 0 && isDown
        ? Effect.ensuring(stations.start(fault.node), Effect.sync(disturb))
        : Effect.void
    })
    return { end }
  })

  const pause = (entry: Entry, fault: typeof Fault.Pause.Type) =>
    Effect.flatMap(stations.known(fault.node), (station) => {
      // there is no process to stall
      if (station.life === undefined && station.starting === undefined) return Effect.succeed(nothing)
      return stacked(pauses, entry, fault.node, ({ time }, paused) => {
        if (paused === undefined) {
          trace.record({ _tag: "NodeResumed", node: fault.node })
          time.resume()
        } else if (!time.isPaused) {
          trace.record({ _tag: "NodePaused", node: fault.node })
          time.pause()
        }
      })
    })

  // the network notes what is recorded here in other words
  const muted = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      trace.muted++
      return Effect.ensuring(effect, Effect.sync(() => trace.muted--))
    })

  const onNetwork = <E>(
    group: Fault.Group,
    others: Fault.Group | undefined,
    begin: (group: Array<Address>, others: Array<Address> | "others") => Effect.Effect<Effect.Effect<void>, E>
  ) =>
    Effect.flatMap(
      Effect.all([addresses(group), orOthers(others)]),
      ([group, others]) => Effect.map(muted(begin(group, others)), (end): Begun => ({ end: muted(end) }))
    )

  /** Brings a fault about; returns what ends it. */
  const apply = (entry: Entry): Effect.Effect<Begun, SimulationError> => {
    const { fault } = entry
    switch (fault._tag) {
      case "Crash":
        return crash(entry, fault)
      case "Pause":
        return pause(entry, fault)
      case "ClockJump":
        return Effect.map(stations.known(fault.node), ({ time }) => {
          time.jump(fault.by)
          return nothing
        })
      case "ClockDrift":
        return stacked(
          drifts,
          entry,
          fault.node,
          ({ time }, drift) => time.setRate(drift?._tag === "ClockDrift" ? drift.rate : 1)
        )
      case "Partition":
        return onNetwork(
          fault.group,
          fault.from,
          (group, from) => Effect.map(network.partition(group, from), ({ heal }) => heal)
        )
      case "OneWayPartition":
        return onNetwork(
          fault.from,
          fault.to,
          (from, to) => Effect.map(network.partitionOneWay(from, to), ({ heal }) => heal)
        )
      case "Link":
        return onNetwork(
          fault.group,
          fault.to,
          (group, to) =>
            (fault.oneWay === true ? network.setLinkOneWay : network.setLink)(group, to, fault.link).pipe(
              Effect.map(({ reset }) => reset),
              Effect.catch((error) => fail(new InvalidFault({ problem: error.message })))
            )
        )
      case "BreakStreams":
        return Effect.as(
          onNetwork(
            fault.group,
            fault.from,
            (group, from) => Effect.as(network.breakStreams(group, from), Effect.void)
          ),
          nothing
        )
      case "Disk":
        return stacked(disks, entry, fault.node, ({ disk }, broken) =>
          disk.setFaultsUnsafe(
            broken?._tag === "Disk" ? { writeFailures: broken.writes ?? 0, readFailures: broken.reads ?? 0 } : {}
          ))
    }
  }

  // ---------------------------------------------------------------------------
  // beginning and ending
  // ---------------------------------------------------------------------------

  /** The fault is over, without a step of its own. */
  const forget = (entry: Entry): void => {
    coming.delete(entry)
    entry.timer?.cancel()
    entry.timer = undefined
    if (!active.delete(entry)) return
    entry.end = undefined
    disturb()
    trace.record({ _tag: "FaultEnded", id: entry.id, fault: entry.fault })
  }

  const finish = (entry: Entry): Step =>
    Effect.suspend(() => {
      const { end } = entry
      forget(entry)
      return end ?? Effect.void
    })

  const later = (delay: number, step: Step) =>
    timing.schedule(delay, () => run(Effect.catchCause(step, (cause) => Effect.sync(() => onError(cause)))))

  const begin = (entry: Entry): Step =>
    Effect.gen(function*() {
      const { fault } = entry
      if (!coming.delete(entry)) return
      disturb()
      trace.record({ _tag: "FaultBegan", id: entry.id, fault })
      const { end } = yield* apply(entry)
      const lasts = Fault.lasts(fault)
      // nobody waits for a node that stays away
      if (end === undefined || fault._tag === "Crash" && lasts === Infinity) return
      entry.end = end
      active.add(entry)
      if (lasts !== Infinity) entry.timer = later(lasts, finish(entry))
    })

  const inject = Effect.fnUntraced(function*(faults: Fault.Fault | Fault.Schedule) {
    const schedule = yield* Effect.mapError(
      decode(Array.isArray(faults) ? faults : [faults]),
      (error) => new InvalidFault({ problem: error.message })
    ).pipe(Effect.catch(fail))
    for (const fault of schedule) yield* Effect.forEach(Fault.nodes(fault), stations.known)
    const entries = schedule.map((fault): Entry => ({ id: ids++, fault, end: undefined, timer: undefined }))
    endsAt = Math.max(endsAt, timing.now() + Fault.ends(schedule))
    for (const entry of entries) {
      coming.add(entry)
      if (entry.fault.at === 0) yield* begin(entry)
      else entry.timer = later(entry.fault.at, begin(entry))
    }
    return { end: Effect.forEach(entries, finish, { discard: true }) }
  })

  const faults: Faults = {
    inject,
    heal: Effect.suspend(() => Effect.forEach([...active, ...coming], finish, { discard: true })).pipe(
      Effect.andThen(muted(network.heal))
    ),
    quietFor: () => active.size > 0 || stations.isChanging() ? 0 : timing.now() - disturbedAt,
    endsAt: () => endsAt,
    now: timing.now,
    disturb
  }
  return faults
})
