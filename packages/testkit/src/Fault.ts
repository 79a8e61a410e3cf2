/**
 * What can go wrong, as data: each fault says when it begins, and how long it lasts. A list of them is a schedule, which
 * can be written in code, generated, shrunk, said in words, and kept as JSON.
 *
 * **Example** (A schedule, and the same in words)
 *
 * ```ts import.meta.vitest
 * import { Fault } from "@effect-gossip/testkit"
 *
 * const schedule: Fault.Schedule = [
 *   Fault.partition(["n0", "n1"], ["n2"], { at: "5 seconds", for: "30 seconds" }),
 *   Fault.pause("n1", { at: "8 seconds", for: "10 seconds" }),
 *   Fault.link(["n3"], { loss: 0.4 }, { at: "1 second" }),
 *   Fault.clockJump("n2", "5 minutes", { at: "2 seconds" })
 * ]
 *
 * Fault.ends(schedule) // => 35_000
 * Fault.words(schedule[0]!) // => "n0, n1 are cut off from n2 for 30 s"
 * ```
 *
 * @since 0.1.0
 */
import type * as Arbitrary from "effect/Arbitrary"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Schedules from "./internal/schedules.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

const Name = Schema.String.check(Schema.isBetweenLength(1, 128))

/** Names of nodes. */
export const Group = Schema.Array(Name).check(Schema.isMinLength(1), Schema.isUnique())

/** @since 0.1.0 */
export type Group = typeof Group.Type

// A year, so that sums of them stay exact.
const year = 365 * 24 * 60 * 60 * 1000
const Millis = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: year }))
const Probability = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

// When a fault begins, in milliseconds after the schedule does.
const at = { at: Millis }
// How long it lasts, in milliseconds; to the end of the schedule when left out.
const lasting = { ...at, for: Schema.optionalKey(Millis.check(Schema.isGreaterThan(0))) }

/**
 * A node ends as by a power failure. After `for` it is started again, as another process of the same name and address,
 * with the disk it had unless that is `lost`; without `for` it stays away. Of crashes that overlap the longest counts; one
 * of a node that is down for another reason does nothing.
 */
export const Crash = Schema.TaggedStruct("Crash", {
  ...lasting,
  node: Name,
  disk: Schema.optionalKey(Schema.Literals(["kept", "lost"]))
})

/** A node's process, if it has one, stands still, as in a long garbage collection: its timers and what it receives wait. */
export const Pause = Schema.TaggedStruct("Pause", { ...lasting, node: Name })

/** A node's wall clock is set ahead (or back) by so many milliseconds, and stays so. */
export const ClockJump = Schema.TaggedStruct("ClockJump", {
  ...at,
  node: Name,
  by: Schema.Finite.check(Schema.isBetween({ minimum: -year, maximum: year }))
})

/** A node's clocks run at another rate: `rate` of its seconds pass in one, 0.01 to 100. */
export const ClockDrift = Schema.TaggedStruct("ClockDrift", {
  ...lasting,
  node: Name,
  rate: Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 100 }))
})

/** Nothing passes between a group and another, or everyone else; streams between them break. */
export const Partition = Schema.TaggedStruct("Partition", {
  ...lasting,
  group: Group,
  from: Schema.optionalKey(Group)
})

/** Nothing passes from a group to another, or to everyone else; but what comes back does. */
export const OneWayPartition = Schema.TaggedStruct("OneWayPartition", {
  ...lasting,
  from: Group,
  to: Schema.optionalKey(Group)
})

/** How links behave while such a fault is in force: see `SimulatedNetwork.Link`. Durations in milliseconds. */
export const LinkOptions = Schema.Struct({
  latency: Schema.optionalKey(Schema.Union([
    Millis,
    Schema.TaggedStruct("Uniform", { min: Millis, max: Millis }),
    Schema.TaggedStruct("LogNormal", { median: Millis, p99: Millis }),
    Schema.TaggedStruct("Exponential", { mean: Millis, min: Millis })
  ])),
  loss: Schema.optionalKey(Probability),
  duplication: Schema.optionalKey(Probability),
  reordering: Schema.optionalKey(Schema.Struct({ probability: Probability, delay: Millis })),
  /** A changed bit may make another valid message: frames have no checksum besides UDP's, which a real network has. */
  corruption: Schema.optionalKey(Probability),
  /** Bytes per second. */
  bandwidth: Schema.optionalKey(Schema.Finite.check(Schema.isGreaterThan(0))),
  /** Bytes. */
  mtu: Schema.optionalKey(Schema.Int.check(Schema.isGreaterThan(0))),
  streamLoss: Schema.optionalKey(Probability)
})

/** @since 0.1.0 */
export type LinkOptions = typeof LinkOptions.Type

/** Links between a group and another, or everyone else, behave otherwise, both ways; or one way only. */
export const Link = Schema.TaggedStruct("Link", {
  ...lasting,
  group: Group,
  to: Schema.optionalKey(Group),
  oneWay: Schema.optionalKey(Schema.Boolean),
  link: LinkOptions
})

/** The streams between a group and another, or everyone else, that are open then break. */
export const BreakStreams = Schema.TaggedStruct("BreakStreams", {
  ...at,
  group: Group,
  from: Schema.optionalKey(Group)
})

/** A node's disk fails: how likely each write, and each read, is to fail. */
export const Disk = Schema.TaggedStruct("Disk", {
  ...lasting,
  node: Name,
  writes: Schema.optionalKey(Probability),
  reads: Schema.optionalKey(Probability)
})

/** A fault. */
export const Fault = Schema.Union([
  Crash,
  Pause,
  ClockJump,
  ClockDrift,
  Partition,
  OneWayPartition,
  Link,
  BreakStreams,
  Disk
])

/** @since 0.1.0 */
export type Fault = typeof Fault.Type

/** Which kind of fault it is. */
export type Kind = Fault["_tag"]

/** Faults, in any order, at most 1000. */
export const Schedule = Schema.Array(Fault).check(Schema.isMaxLength(1000))

/** @since 0.1.0 */
export type Schedule = typeof Schedule.Type

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

/** When a fault begins, counted from the schedule's beginning; at once by default. */
export interface At {
  readonly at?: Duration.Input | undefined
}

/** When a fault begins, and how long it lasts: to the schedule's end by default. */
export interface Lasting extends At {
  readonly for?: Duration.Input | undefined
}

const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))

const when = (options: At | undefined): { readonly at: number } => ({ at: millis(options?.at ?? 0) })

const span = (options: Lasting | undefined): { readonly at: number; readonly for?: number } => ({
  ...when(options),
  ...(options?.for === undefined ? undefined : { for: millis(options.for) })
})

/** A node crashes, and is started again after `for`, with the disk it had unless that is lost. */
export const crash = (
  node: string,
  options?: Lasting & { readonly disk?: "kept" | "lost" | undefined }
): Fault => ({
  _tag: "Crash",
  node,
  ...span(options),
  ...(options?.disk === undefined ? undefined : { disk: options.disk })
})

/** A node stalls. */
export const pause = (node: string, options?: Lasting): Fault => ({ _tag: "Pause", node, ...span(options) })

/** A node's wall clock jumps ahead, or back by a negative duration. */
export const clockJump = (node: string, by: Duration.Input, options?: At): Fault => ({
  _tag: "ClockJump",
  node,
  by: millis(by),
  ...when(options)
})

/** A node's clocks run at another rate: `rate` of its seconds pass in one. */
export const clockDrift = (node: string, rate: number, options?: Lasting): Fault => ({
  _tag: "ClockDrift",
  node,
  rate,
  ...span(options)
})

/** A group is cut off from another, or from everyone else. */
export const partition: {
  (group: Group, options?: Lasting): Fault
  (group: Group, from: Group, options?: Lasting): Fault
} = (group: Group, from?: Group | Lasting, options?: Lasting): Fault =>
  isGroup(from)
    ? { _tag: "Partition", group, from, ...span(options) }
    : { _tag: "Partition", group, ...span(from ?? options) }

/** What a group sends to another, or to everyone else, is lost; but not what comes back. */
export const oneWayPartition: {
  (from: Group, options?: Lasting): Fault
  (from: Group, to: Group, options?: Lasting): Fault
} = (from: Group, to?: Group | Lasting, options?: Lasting): Fault =>
  isGroup(to)
    ? { _tag: "OneWayPartition", from, to, ...span(options) }
    : { _tag: "OneWayPartition", from, ...span(to ?? options) }

/** Links of a group, to another or to everyone else, behave otherwise. */
export const link = (
  group: Group,
  link: LinkOptions,
  options?: Lasting & { readonly to?: Group | undefined; readonly oneWay?: boolean | undefined }
): Fault => ({
  _tag: "Link",
  group,
  link,
  ...span(options),
  ...(options?.to === undefined ? undefined : { to: options.to }),
  ...(options?.oneWay === undefined ? undefined : { oneWay: options.oneWay })
})

/** Open streams of a group, to another or to everyone else, break. */
export const breakStreams = (group: Group, options?: At & { readonly from?: Group | undefined }): Fault => ({
  _tag: "BreakStreams",
  group,
  ...when(options),
  ...(options?.from === undefined ? undefined : { from: options.from })
})

/** Writes to a node's disk fail, all by default, or reads. */
export const disk = (
  node: string,
  options?: Lasting & { readonly writes?: number | undefined; readonly reads?: number | undefined }
): Fault => ({
  _tag: "Disk",
  node,
  ...span(options),
  writes: options?.writes ?? (options?.reads === undefined ? 1 : 0),
  ...(options?.reads === undefined ? undefined : { reads: options.reads })
})

// -----------------------------------------------------------------------------
// generating
// -----------------------------------------------------------------------------

/** All kinds of faults. */
export const kinds: ReadonlyArray<Kind> = [
  "Crash",
  "Pause",
  "ClockJump",
  "ClockDrift",
  "Partition",
  "OneWayPartition",
  "Link",
  "BreakStreams",
  "Disk"
]

/** Which schedules are generated. */
export interface Bounds {
  /** Default: all kinds. */
  readonly kinds?: ReadonlyArray<Kind> | undefined
  /** Faults of a schedule at least, 0 to 1000. Default: {@link defaultBounds}. */
  readonly minFaults?: number | undefined
  /** Faults of a schedule at most, 1 to 1000. Default: {@link defaultBounds}. */
  readonly maxFaults?: number | undefined
  /** When the first fault begins at the earliest: when the nodes have come together. Default: {@link defaultBounds}. */
  readonly from?: Duration.Input | undefined
  /** When the last fault begins at the latest. Default: {@link defaultBounds}. */
  readonly within?: Duration.Input | undefined
  /** How long a fault lasts at least. Default: {@link defaultBounds}. */
  readonly shortest?: Duration.Input | undefined
  /** How long a fault lasts at most. Default: {@link defaultBounds}. */
  readonly longest?: Duration.Input | undefined
  /** Whether nodes may crash for good. Default: {@link defaultBounds}. */
  readonly stayAway?: boolean | undefined
  /** Whether a crash may take the disk. Default: {@link defaultBounds}. */
  readonly loseDisks?: boolean | undefined
  /** By how much clocks may jump. Default: {@link defaultBounds}. */
  readonly clockJumps?: ReadonlyArray<Duration.Input> | undefined
  /** How fast clocks may run. Default: {@link defaultBounds}. */
  readonly driftRates?: ReadonlyArray<number> | undefined
  /** Nodes that are spared: no fault names them, though a partition of others cuts them off, too. Default: none. */
  readonly spare?: Group | undefined
}

/**
 * 1 to 5 faults that begin between 5 and 60 s, each for 100 ms to 30 s; nodes may crash for good, and lose
 * their disks; clocks jump by a second, a minute or an hour, and run at half to twice their rate.
 */
export const defaultBounds = {
  minFaults: 1,
  maxFaults: 5,
  from: Duration.seconds(5),
  within: Duration.seconds(60),
  shortest: Duration.millis(100),
  longest: Duration.seconds(30),
  stayAway: true,
  loseDisks: true,
  clockJumps: ["-1 hour", "-1 minute", "-1 second", "1 second", "1 minute", "1 hour"],
  driftRates: [0.5, 0.9, 1.1, 2]
} as const satisfies Bounds

/**
 * Schedules for these nodes, by chance and within bounds. They shrink to fewer faults, smaller groups, shorter and
 * earlier faults, in round figures. Throws a `RangeError` that names the bound when nothing is within them.
 */
export const arbitrary = (nodes: Group, bounds?: Bounds): Arbitrary.Arbitrary<Schedule> => {
  const names = nodes.filter((name) => bounds?.spare?.includes(name) !== true)
  const stranger = bounds?.spare?.find((name) => !nodes.includes(name))
  refuse(names.length === 0, "spare", "no node is left that faults could name")
  refuse(stranger !== undefined, "spare", `there is no node ${stranger}`)
  const drawn = bounds?.kinds ?? kinds
  refuse(drawn.length === 0, "kinds", "there is none")
  const minFaults = bounds?.minFaults ?? defaultBounds.minFaults
  const maxFaults = bounds?.maxFaults ?? Math.max(minFaults, defaultBounds.maxFaults)
  refuse(!isCount(minFaults, 0), "minFaults", `expected a whole number from 0 to 1000, received ${minFaults}`)
  refuse(!isCount(maxFaults, 1), "maxFaults", `expected a whole number from 1 to 1000, received ${maxFaults}`)
  refuse(minFaults > maxFaults, "minFaults", `${minFaults} is above maxFaults, ${maxFaults}`)
  const from = whole("from", bounds?.from ?? defaultBounds.from)
  const within = whole("within", bounds?.within ?? Math.max(from, millis(defaultBounds.within)))
  refuse(from > within, "from", `${from} ms is above within, ${within} ms`)
  const shortest = Math.max(1, whole("shortest", bounds?.shortest ?? defaultBounds.shortest))
  const longest = whole("longest", bounds?.longest ?? Math.max(shortest, millis(defaultBounds.longest)))
  refuse(shortest > longest, "shortest", `${shortest} ms is above longest, ${longest} ms`)
  const driftRates = bounds?.driftRates ?? defaultBounds.driftRates
  const wrong = driftRates.find((rate) => !(rate >= 0.01 && rate <= 100))
  refuse(
    driftRates.length === 0 || wrong !== undefined,
    "driftRates",
    `expected rates from 0.01 to 100, received ${wrong}`
  )
  refuse(bounds?.clockJumps?.length === 0, "clockJumps", "there is none")
  return Schedules.arbitrary({
    nodes: names,
    kinds: drawn,
    minFaults,
    maxFaults,
    from,
    within,
    shortest,
    longest,
    stayAway: bounds?.stayAway ?? defaultBounds.stayAway,
    loseDisks: bounds?.loseDisks ?? defaultBounds.loseDisks,
    clockJumps: (bounds?.clockJumps ?? defaultBounds.clockJumps).map((by) => millis(by)),
    driftRates
  })
}

// -----------------------------------------------------------------------------
// accessors
// -----------------------------------------------------------------------------

/** How long a fault lasts, in milliseconds: 0 for one that happens at once, `Infinity` for one without an end. */
export const lasts = (fault: Fault): number =>
  fault._tag === "ClockJump" || fault._tag === "BreakStreams" ? 0 : fault.for ?? Infinity

/** When the last of the faults begins or ends, in milliseconds; one without an end ends when it begins. */
export const ends = (schedule: Schedule): number => {
  let end = 0
  for (const fault of schedule) {
    const lasting = lasts(fault)
    end = Math.max(end, fault.at + (lasting === Infinity ? 0 : lasting))
  }
  return end
}

/** The nodes that a fault names. */
export const nodes = (fault: Fault): ReadonlyArray<string> => {
  switch (fault._tag) {
    case "Partition":
    case "BreakStreams":
      return [...fault.group, ...fault.from ?? []]
    case "OneWayPartition":
      return [...fault.from, ...fault.to ?? []]
    case "Link":
      return [...fault.group, ...fault.to ?? []]
    default:
      return [fault.node]
  }
}

/** The schedule in words, a line for each fault, in the order of time. */
export const describe = (schedule: Schedule): string => {
  const lines = schedule
    .map((fault) => ({ fault, at: seconds(fault.at) }))
    .sort((a, b) => a.fault.at - b.fault.at)
  const width = Math.max(2, ...lines.map((line) => line.at.length)) + 1
  return lines.map((line) => `at ${line.at.padStart(width - 1)}  ${words(line.fault)}`).join("\n")
}

/** What a fault does, in words. */
export const words = (fault: Fault): string => {
  switch (fault._tag) {
    case "Crash":
      return fault.for === undefined
        ? `${fault.node} crashes and stays away${fault.disk === "lost" ? ", its disk lost" : ""}`
        : `${fault.node} crashes and is back after ${seconds(fault.for)}${
          fault.disk === "lost" ? ", its disk lost" : ""
        }`
    case "Pause":
      return `${fault.node} stalls${during(fault)}`
    case "ClockJump":
      return `the clock of ${fault.node} jumps ${seconds(Math.abs(fault.by))} ${fault.by < 0 ? "back" : "ahead"}`
    case "ClockDrift":
      return `the clocks of ${fault.node} run at ${fault.rate} times their rate${during(fault)}`
    case "Partition":
      return `${names(fault.group)} ${fault.group.length === 1 ? "is" : "are"} cut off from ${others(fault.from)}${
        during(fault)
      }`
    case "OneWayPartition":
      return `nothing passes from ${names(fault.from)} to ${others(fault.to)}${during(fault)}`
    case "Link":
      return `links ${
        fault.to === undefined
          ? fault.oneWay === true ? `from ${names(fault.group)} to everyone else` : `of ${names(fault.group)}`
          : fault.oneWay === true
          ? `from ${names(fault.group)} to ${names(fault.to)}`
          : `between ${names(fault.group)} and ${names(fault.to)}`
      }: ${behaviour(fault.link)}${fault.for === undefined ? ", to the end" : `, for ${seconds(fault.for)}`}`
    case "BreakStreams":
      return `streams between ${names(fault.group)} and ${others(fault.from)} break`
    case "Disk":
      return `the disk of ${fault.node} fails ${
        [
          ...(fault.writes === undefined || fault.writes === 0 ? [] : [`${percent(fault.writes)} of its writes`]),
          ...(fault.reads === undefined || fault.reads === 0 ? [] : [`${percent(fault.reads)} of its reads`])
        ].join(" and ") || "nothing"
      }${during(fault)}`
  }
}

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

const refuse = (isWrong: boolean, bound: string, problem: string): void => {
  if (isWrong) throw new RangeError(`${bound}: ${problem}`)
}

const isCount = (value: number, minimum: number): boolean =>
  Number.isSafeInteger(value) && value >= minimum && value <= 1000

const whole = (bound: string, input: Duration.Input): number => {
  const value = Math.round(millis(input))
  refuse(!(value >= 0 && value <= year), bound, `expected a duration from 0 to a year, received ${String(input)}`)
  return value
}

const isGroup = (value: Group | Lasting | undefined): value is Group => Array.isArray(value)

const seconds = (millis: number): string => `${Number((millis / 1000).toFixed(3))} s`

const percent = (probability: number): string => `${Number((probability * 100).toFixed(1))}%`

const during = (fault: { readonly for?: number | undefined }): string =>
  fault.for === undefined ? " to the end" : ` for ${seconds(fault.for)}`

const names = (group: Group): string => group.join(", ")

const others = (group: Group | undefined): string => group === undefined ? "everyone else" : names(group)

const behaviour = (link: LinkOptions): string => {
  const parts: Array<string> = []
  const { latency } = link
  if (typeof latency === "number") parts.push(`${latency} ms`)
  else if (latency?._tag === "Uniform") parts.push(`${latency.min} to ${latency.max} ms`)
  else if (latency?._tag === "LogNormal") parts.push(`${latency.median} ms, 1% above ${latency.p99} ms`)
  else if (latency?._tag === "Exponential") parts.push(`${latency.mean} ms on average, at least ${latency.min} ms`)
  if (link.loss !== undefined) parts.push(`${percent(link.loss)} lost`)
  if (link.duplication !== undefined) parts.push(`${percent(link.duplication)} doubled`)
  if (link.reordering !== undefined) {
    parts.push(`${percent(link.reordering.probability)} held up by ${link.reordering.delay} ms`)
  }
  if (link.corruption !== undefined) parts.push(`${percent(link.corruption)} corrupted`)
  if (link.bandwidth !== undefined) parts.push(`${link.bandwidth} bytes/s`)
  if (link.mtu !== undefined) parts.push(`nothing above ${link.mtu} bytes`)
  if (link.streamLoss !== undefined) parts.push(`${percent(link.streamLoss)} of streams broken`)
  return parts.length === 0 ? "as they are" : parts.join(", ")
}
