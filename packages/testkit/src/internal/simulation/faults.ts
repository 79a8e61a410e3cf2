/** Brings faults about in a simulation, and ends them. */
import type { Address } from "@effect-gossip/core/Address"
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
  /** How long none has been in force, in milliseconds; 0 while one is. */
  readonly quietFor: () => number
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
  onError: (error: SimulationError) => void
) {
  const run = yield* FiberSet.makeRuntime<never>()
  const active = new Set<Entry>()
  const coming = new Set<Entry>()
  const pauses = new Map<Station<R>, Set<Entry>>()
  const drifts = new Map<Station<R>, Set<Entry>>()
  const disks = new Map<Station<R>, Set<Entry>>()
  let ids = 0
  let disturbedAt = timing.now()
  const disturb = () => {
    disturbedAt = timing.now()
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
    Effect.map(stations.known(name), (station): Step => {
      const stack = stacks.get(station) ?? new Set()
      stacks.set(station, stack.add(entry))
      apply(station, entry.fault)
      return Effect.sync(() => {
        stack.delete(entry)
        // a crash has ended it before
        if (stacks.get(station) === stack) apply(station, Array.from(stack).at(-1)?.fault)
      })
    })

  const crash = (fault: typeof Fault.Crash.Type) =>
    Effect.flatMap(stations.known(fault.node), (station) => {
      // one that is down already stays as long as the former fault says
      if (station.life === undefined) return Effect.succeed(Effect.void)
      const restart = Effect.suspend(() => station.life === undefined ? stations.start(fault.node) : Effect.void)
      return Effect.map(stations.crash(fault.node), () => {
        pauses.delete(station)
        if (fault.disk === "lost") station.disk.wipeUnsafe()
        return restart
      })
    })

  /** Brings a fault about; returns what ends it. */
  const apply = (entry: Entry): Effect.Effect<Step, SimulationError> => {
    const { fault } = entry
    switch (fault._tag) {
      case "Crash":
        return crash(fault)
      case "Pause":
        return stacked(pauses, entry, fault.node, (station, paused) => {
          if (paused === undefined) {
            if (!station.time.isPaused) return
            trace.record({ _tag: "NodeResumed", node: fault.node })
            station.time.resume()
          } else if (!station.time.isPaused && station.life !== undefined) {
            trace.record({ _tag: "NodePaused", node: fault.node })
            station.time.pause()
          }
        })
      case "ClockJump":
        return Effect.map(stations.known(fault.node), ({ time }) => {
          time.jump(fault.by)
          return Effect.void
        })
      case "ClockDrift":
        return stacked(
          drifts,
          entry,
          fault.node,
          ({ time }, drift) => time.setRate(drift?._tag === "ClockDrift" ? drift.rate : 1)
        )
      case "Partition":
        return Effect.flatMap(
          Effect.all([addresses(fault.group), orOthers(fault.from)]),
          ([group, from]) => Effect.map(network.partition(group, from), ({ heal }) => heal)
        )
      case "OneWayPartition":
        return Effect.flatMap(
          Effect.all([addresses(fault.from), orOthers(fault.to)]),
          ([from, to]) => Effect.map(network.partitionOneWay(from, to), ({ heal }) => heal)
        )
      case "Link":
        return Effect.flatMap(
          Effect.all([addresses(fault.group), orOthers(fault.to)]),
          ([group, to]) =>
            (fault.oneWay === true ? network.setLinkOneWay : network.setLink)(group, to, fault.link).pipe(
              Effect.map(({ reset }) => reset),
              Effect.catch((error) => fail(new InvalidFault({ problem: error.message })))
            )
        )
      case "BreakStreams":
        return Effect.flatMap(
          Effect.all([addresses(fault.group), orOthers(fault.from)]),
          ([group, from]) => Effect.as(network.breakStreams(group, from), Effect.void)
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

  // the network notes what is recorded here in other words
  const muted = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      trace.isMuted = true
      return Effect.ensuring(effect, Effect.sync(() => (trace.isMuted = false)))
    })

  const finish = (entry: Entry): Step =>
    Effect.suspend(() => {
      coming.delete(entry)
      entry.timer?.cancel()
      entry.timer = undefined
      const { end } = entry
      if (end === undefined) return Effect.void
      entry.end = undefined
      active.delete(entry)
      disturb()
      trace.record({ _tag: "FaultEnded", id: entry.id, fault: entry.fault })
      return muted(end)
    })

  const later = (delay: number, step: Step) =>
    timing.schedule(delay, () => run(Effect.catch(step, (error) => Effect.sync(() => onError(error)))))

  const begin = (entry: Entry): Step =>
    Effect.gen(function*() {
      const { fault } = entry
      coming.delete(entry)
      disturb()
      trace.record({ _tag: "FaultBegan", id: entry.id, fault })
      const end = yield* muted(apply(entry))
      const lasts = Fault.lasts(fault)
      // nobody waits for a node that stays away
      if (lasts === 0 || fault._tag === "Crash" && lasts === Infinity) return
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
    quietFor: () => active.size > 0 ? 0 : timing.now() - disturbedAt,
    disturb
  }
  return faults
})
