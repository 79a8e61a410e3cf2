/** Schedules of faults by chance, within bounds, and simpler ones that may fail as well. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type { Fault, Group, Kind, Schedule } from "../Fault.ts"

export interface Bounds {
  readonly nodes: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<Kind>
  /** Faults of a schedule, at least and at most. */
  readonly minFaults: number
  readonly maxFaults: number
  /** When the first fault begins at the earliest, in milliseconds. */
  readonly from: number
  /** When the last fault begins at the latest, in milliseconds. */
  readonly within: number
  /** How long a fault lasts at least and at most, in milliseconds. */
  readonly shortest: number
  readonly longest: number
  /** Whether a node may crash for good. */
  readonly stayAway: boolean
  readonly loseDisks: boolean
  /** In milliseconds. */
  readonly clockJumps: ReadonlyArray<number>
  readonly driftRates: ReadonlyArray<number>
}

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const arbitrary = (bounds: Bounds): Arbitrary.Arbitrary<Schedule> => {
  const node = Schema.Literals(bounds.nodes)
  const at = between(bounds.from, bounds.within)
  const span = between(bounds.shortest, bounds.longest)
  const lasting = { at, for: span, node }
  const isAlone = bounds.nodes.length < 2
  // never all: a group must have others to be cut off from
  const group = Schema.Array(node).check(
    Schema.isMinLength(1),
    Schema.isMaxLength(isAlone ? 1 : bounds.nodes.length - 1),
    Schema.isUnique()
  )
  const probability = Schema.Literals([0.05, 0.1, 0.2, 0.4, 0.8, 1])
  const link = Schema.Union([
    Schema.Struct({ loss: probability }),
    Schema.Struct({ duplication: probability }),
    Schema.Struct({ corruption: Schema.Literals([0.05, 0.1, 0.2, 0.4]) }),
    Schema.Struct({ streamLoss: probability }),
    Schema.Struct({
      reordering: Schema.Struct({ probability, delay: Schema.Literals([10, 100, 1000]) })
    }),
    Schema.Struct({
      latency: Schema.TaggedStruct("Uniform", {
        min: Schema.Literals([1, 10, 100]),
        max: Schema.Literals([100, 400, 2000])
      })
    }),
    Schema.Struct({ bandwidth: Schema.Literals([1000, 10_000, 100_000]) }),
    Schema.Struct({ mtu: Schema.Literals([100, 500, 1200]) })
  ])
  const oneWay = Schema.optionalKey(Schema.Boolean)
  // of some, everyone else; the groups may overlap here, and do no more once they are drawn
  const other = Schema.optionalKey(group)
  const kinds: { readonly [K in Kind]: Schema.Codec<Extract<Fault, { readonly _tag: K }>> } = {
    Crash: Schema.TaggedStruct("Crash", {
      at,
      for: bounds.stayAway ? Schema.optionalKey(span) : span,
      node,
      disk: Schema.optionalKey(Schema.Literals(bounds.loseDisks ? ["kept", "lost"] : ["kept"]))
    }),
    Pause: Schema.TaggedStruct("Pause", lasting),
    ClockJump: Schema.TaggedStruct("ClockJump", {
      at,
      node,
      by: Schema.Literals(bounds.clockJumps)
    }),
    ClockDrift: Schema.TaggedStruct("ClockDrift", { ...lasting, rate: Schema.Literals(bounds.driftRates) }),
    Partition: Schema.TaggedStruct("Partition", { at, for: span, group, from: other }),
    OneWayPartition: Schema.TaggedStruct("OneWayPartition", { at, for: span, from: group, to: other }),
    Link: Schema.TaggedStruct("Link", { at, for: span, group, to: other, link, oneWay }),
    BreakStreams: Schema.TaggedStruct("BreakStreams", { at, group, from: other }),
    Disk: Schema.TaggedStruct("Disk", {
      ...lasting,
      writes: probability,
      reads: Schema.optionalKey(probability)
    })
  }
  const fault = Schema.Union(bounds.kinds.map((kind): Schema.Codec<Fault> => kinds[kind]))
  const schedule = Schema.Array(fault).check(
    Schema.isMinLength(bounds.minFaults),
    Schema.isMaxLength(bounds.maxFaults)
  )
  return Arbitrary.schema(schedule, {
    shrink: (value) => shrink(value, bounds.from).filter((candidate) => candidate.length >= bounds.minFaults)
  }).pipe(Arbitrary.map((faults) => faults.map(apart)))
}

/** The fault with groups that do not overlap: who is in the first is not in the second. */
const apart = (fault: Fault): Fault => {
  switch (fault._tag) {
    case "Partition":
    case "BreakStreams": {
      const { from, ...rest } = fault
      const others = from?.filter((name) => !fault.group.includes(name)) ?? []
      return others.length === 0 ? rest : { ...rest, from: others }
    }
    case "OneWayPartition": {
      const { to, ...rest } = fault
      const others = to?.filter((name) => !fault.from.includes(name)) ?? []
      return others.length === 0 ? rest : { ...rest, to: others }
    }
    case "Link": {
      const { to, ...rest } = fault
      const others = to?.filter((name) => !fault.group.includes(name)) ?? []
      return others.length === 0 ? rest : { ...rest, to: others }
    }
    default:
      return fault
  }
}

// -----------------------------------------------------------------------------
// shrinking
// -----------------------------------------------------------------------------

// Pairs are many where faults are.
const maxMerged = 6

/** Simpler schedules, the simplest first: with fewer faults, or with one that is simpler. */
export const shrink = (schedule: Schedule, from = 0): ReadonlyArray<Schedule> => {
  const simpler: Array<Schedule> = []
  const half = schedule.length >> 1
  if (half > 1) simpler.push(schedule.slice(0, half), schedule.slice(half))
  for (let i = 0; i < schedule.length; i++) simpler.push(schedule.toSpliced(i, 1))
  // one fault less, if another takes over its time
  if (schedule.length <= maxMerged) {
    schedule.forEach((fault, index) => {
      if (!("for" in fault) || fault.for === undefined) return
      const span = fault.for
      schedule.forEach((other, at) => {
        if (at === index || !("for" in other) || other.for === undefined) return
        simpler.push(schedule.with(at, { ...other, for: other.for + span }).toSpliced(index, 1))
      })
    })
  }
  schedule.forEach((fault, index) => {
    for (const variant of simplerFaults(fault, from)) simpler.push(schedule.with(index, variant))
  })
  return simpler
}

const simplerFaults = (fault: Fault, from: number): ReadonlyArray<Fault> => {
  const variants: Array<Fault> = []
  if (fault._tag === "Crash" && fault.disk !== undefined) {
    const { disk: _, ...rest } = fault
    variants.push(rest)
  }
  if (fault._tag === "Link" && fault.oneWay !== undefined) {
    const { oneWay: _, ...rest } = fault
    variants.push(rest)
  }
  if (fault._tag === "OneWayPartition") {
    for (const from of smallerGroups(fault.from)) variants.push({ ...fault, from })
  }
  if ("group" in fault) { for (const group of smallerGroups(fault.group)) variants.push({ ...fault, group }) }
  if ("for" in fault && fault.for !== undefined) {
    for (const span of simplerSpans(fault.for)) if (span > 0) variants.push({ ...fault, for: span })
  }
  for (const at of simplerSpans(fault.at, from)) variants.push({ ...fault, at })
  return variants
}

const smallerGroups = (group: Group): ReadonlyArray<Group> =>
  group.length <= 1 ? [] : group.map((_, index) => group.toSpliced(index, 1))

// Less, or as much in rounder figures: each is simpler than the one it stands for, so that this comes to an end.
const simplerSpans = (millis: number, least = 0): ReadonlyArray<number> => {
  const grain = millis % 1000 === 0 ? 1000 : millis % 100 === 0 ? 100 : 1
  const spans = new Set<number>()
  if (grain < 1000 && millis >= 1000) spans.add(Math.round(millis / 1000) * 1000)
  if (grain < 100) spans.add(Math.round(millis / 100) * 100)
  const half = Math.floor((millis + Math.min(least, millis)) / 2 / grain) * grain
  if (half < millis) spans.add(half)
  const less = millis - grain
  if (grain >= 100 && less >= 0) spans.add(less)
  if (millis > least) spans.add(least)
  spans.delete(millis)
  return [...spans]
}
