/**
 * What must be so in a simulation, whatever goes wrong: always, or once nothing has gone wrong for a while.
 *
 * **Example** (An invariant of one's own)
 *
 * ```ts import.meta.vitest
 * import { Fault, Invariant, Simulation } from "@effect-gossip/testkit"
 * import { Effect } from "effect"
 *
 * const noStrangers = Invariant.always("nobody knows a stranger", (sim) =>
 *   Effect.gen(function*() {
 *     for (const name of sim.running()) {
 *       for (const member of yield* sim.members(name)) {
 *         if (!sim.nodes.some((node) => node.name === member.id)) {
 *           return yield* Effect.fail(`${name} knows ${member.id}`)
 *         }
 *       }
 *     }
 *   }))
 *
 * const exit = Simulation.run({
 *   nodes: 4,
 *   faults: [Fault.crash("n3", { at: "10 seconds", for: "20 seconds" })],
 *   invariants: [noStrangers, ...Invariant.membership({ within: "1 minute" })]
 * }, (sim) => sim.advance("30 seconds"))
 *
 * exit._tag // => "Success"
 * ```
 *
 * @since 0.1.0
 */
import type * as Address from "@effect-gossip/core/Address"
import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import { isLive, type Member } from "@effect-gossip/core/membership/Member"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import type { Simulation } from "./Simulation.ts"
import type { SimulationEvent } from "./SimulationEvent.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What is wrong: in words, or as an error whose message says so. */
export type Problem = string | Error

/**
 * What must be so. A check fails, or dies (as assertions do), when it is not.
 */
export interface Invariant<out R = never> {
  readonly name: string
  /** How long no fault must have been in force before it has to hold, in milliseconds: 0 for what must always be so. */
  readonly within: number
  /** Begins to watch a simulation, until the scope closes; the check is made every so often. */
  readonly watch: (simulation: Simulation<R>) => Effect.Effect<Effect.Effect<void, Problem>, never, Scope.Scope>
  /** What must be so once all nodes have ended; says what is wrong. */
  readonly ended: ((remains: Remains) => string | undefined) | undefined
}

/** What is left of a simulation whose nodes have all ended. */
export interface Remains {
  /** Fibers of nodes that have not ended. */
  readonly fibers: number
  /** Addresses at which a transport is still open. */
  readonly addresses: ReadonlyArray<Address.Address>
}

// -----------------------------------------------------------------------------
// constructors
// -----------------------------------------------------------------------------

type Check<R> = (simulation: Simulation<R>) => Effect.Effect<void, Problem>

/** What must be so at any time. */
export const always = <R = never>(name: string, check: Check<R>): Invariant<R> => ({
  name,
  within: 0,
  watch: (simulation) => Effect.succeed(Effect.suspend(() => check(simulation))),
  ended: undefined
})

/** What must be so once no fault has been in force for so long, and from then on until the next. */
export const eventually = <R = never>(
  name: string,
  options: { readonly within: Duration.Input },
  check: Check<R>
): Invariant<R> => ({ ...always(name, check), within: millis(options.within) })

/** What must be so of all that happened, of which `watch` keeps what it needs. */
export const watching = <R = never>(
  name: string,
  watch: Invariant<R>["watch"],
  options?: { readonly within?: Duration.Input }
): Invariant<R> => ({ name, within: millis(options?.within ?? 0), watch, ended: undefined })

/** What must be so of each event: `make` begins to watch a run, and what it returns says what is wrong about an event. */
export const ofEvents = <R = never>(
  name: string,
  make: (simulation: Simulation<R>) => (event: SimulationEvent) => string | undefined
): Invariant<R> =>
  watching(name, (simulation) => {
    const judge = make(simulation)
    let problem: string | undefined
    return Effect.as(
      simulation.observe((event) => {
        if (problem === undefined) problem = judged(judge, event)
      }),
      Effect.suspend(() => problem === undefined ? Effect.void : Effect.fail(problem))
    )
  })

// an assertion says what is wrong by throwing
const judged = (judge: (event: SimulationEvent) => string | undefined, event: SimulationEvent) => {
  try {
    return judge(event)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

// -----------------------------------------------------------------------------
// of memberships
// -----------------------------------------------------------------------------

/**
 * Every node that is down is dead, gone or unknown to every running node (completeness: Chandra and Toueg 1996), once
 * no fault has been in force for so long. A crash counts as a fault when it happens.
 */
export const completeness = (options: { readonly within: Duration.Input }): Invariant =>
  eventually("completeness", options, (simulation) =>
    Effect.gen(function*() {
      const running = new Set(simulation.running())
      for (const name of running) {
        for (const member of yield* simulation.members(name)) {
          if (isLive(member) && !running.has(member.id)) {
            return yield* Effect.fail(`${name} still thinks that ${member.id} is ${member.status.toLowerCase()}`)
          }
        }
      }
    }))

/** No running node is dead, gone or unknown to another (accuracy), once no fault has been in force for so long. */
export const accuracy = (options: { readonly within: Duration.Input }): Invariant =>
  eventually("accuracy", options, (simulation) =>
    Effect.gen(function*() {
      const running = simulation.running()
      for (const name of running) {
        const members = new Map((yield* simulation.members(name)).map((member) => [member.id, member]))
        for (const other of running) {
          const member = members.get(other)
          if (member === undefined) return yield* Effect.fail(`${name} does not know ${other}`)
          if (!isLive(member)) {
            return yield* Effect.fail(`${name} thinks that ${other} is ${member.status.toLowerCase()}`)
          }
        }
      }
    }))

/**
 * All running nodes see the same live members, each alive in its present incarnation, once no fault has been in force
 * for so long.
 */
export const convergence = (options: { readonly within: Duration.Input }): Invariant =>
  eventually("convergence", options, (simulation) =>
    Effect.gen(function*() {
      if (yield* simulation.isAgreed) return
      for (const name of simulation.running()) {
        const views = (yield* simulation.members(name)).filter(isLive)
        for (const other of simulation.running()) {
          const self = (yield* simulation.members(other)).find((member) => member.id === other)
          const seen = views.find((member) => member.id === other)
          if (seen?.status === "Alive" && seen.incarnation === self?.incarnation) continue
          return yield* Effect.fail(
            `${name} sees ${other} ${seen === undefined ? "as not there" : `as ${standing(seen)}`}` +
              (self === undefined ? "" : `, which is ${standing(self)}`)
          )
        }
      }
      return yield* Effect.fail("the nodes see different members")
    }))

/** In no node's view does the incarnation of a member it remembers go back. */
export const incarnations: Invariant = watching("incarnations never go back", (simulation) =>
  Effect.sync(() => {
    const views = new Map<string, { readonly life: number; readonly seen: Map<string, Member> }>()
    return Effect.gen(function*() {
      for (const name of simulation.running()) {
        const life = simulation.lifeOf(name)
        let view = views.get(name)
        // another process has another memory
        if (view?.life !== life) views.set(name, view = { life, seen: new Map() })
        const { seen } = view
        const members = yield* simulation.members(name)
        for (const member of members) {
          const former = seen.get(member.id)
          if (former === member) continue
          seen.set(member.id, member)
          if (former?.address === member.address && former.incarnation > member.incarnation) {
            return yield* Effect.fail(
              `${name} went back from incarnation ${former.incarnation} of ${member.id} to ${member.incarnation}`
            )
          }
        }
        if (seen.size === members.length) continue
        // who was forgotten may come back as it likes
        const listed = new Set(members.map((member) => member.id))
        for (const id of [...seen.keys()]) if (!listed.has(id)) seen.delete(id)
      }
    })
  }))

const rank = { Joined: 0, Refuted: 0, Updated: 0, Suspected: 1, Died: 2, Left: 3 } as const

/**
 * In no node's view does a member go back in the order of claims: neither to a lower incarnation nor, within one, from
 * suspect to alive or from gone to live. Only who was forgotten may come back. For protocols whose claims are ordered
 * so, as Swim's are (SWIM §4.2), on links that do not corrupt: a changed bit may make a claim of another address.
 */
export const standings: Invariant = ofEvents("standings never go back", () => {
  const views = new Map<string, Map<string, { readonly incarnation: number; readonly rank: number }>>()
  return (event) => {
    // another process has another memory
    if (event._tag === "NodeStarted") views.delete(event.node)
    if (event._tag !== "MemberChanged" || event.incarnation === undefined || event.change === "Conflict") {
      return undefined
    }
    const { change, incarnation, member, node } = event
    const view = views.get(node) ?? new Map()
    views.set(node, view)
    if (change === "Reaped") {
      view.delete(member)
      return undefined
    }
    const before = view.get(member)
    const isSame = before?.incarnation === incarnation
    // metadata may change while a member is suspected
    if (change === "Updated" && isSame) return undefined
    if (before === undefined || before.incarnation < incarnation || isSame && before.rank <= rank[change]) {
      view.set(member, { incarnation, rank: rank[change] })
      return undefined
    }
    return `${member} was ${change.toLowerCase()} to ${node} in incarnation ${incarnation}, which knew better already`
  }
})

/**
 * Nobody is dead to anyone in an incarnation in which nobody suspected it for as long as it has to refute. It says nothing
 * of links that corrupt: what a changed bit says of a member may be believed.
 */
export const timeToRefute = (time: Duration.Input): Invariant =>
  ofEvents("suspects have their time to refute", () => {
    const suspected = new Map<string, number>()
    return (event) => {
      if (event._tag !== "MemberChanged") return undefined
      const incarnation = `${event.member} in incarnation ${event.incarnation}`
      if (event.change === "Suspected" && !suspected.has(incarnation)) suspected.set(incarnation, event.at)
      if (event.change !== "Died") return undefined
      const since = suspected.get(incarnation)
      // timers keep to the millisecond
      if (since !== undefined && event.at - since > millis(time) - 1) return undefined
      return `${event.node} holds ${incarnation} dead, ${
        since === undefined ? "whom nobody suspected" : `after ${event.at - since} ms of suspicion`
      }`
    }
  })

/** Nobody lists one who has been gone for longer than so: the protocol's retention, and what its clean-up takes. */
export const forgetting = (retention: Duration.Input): Invariant =>
  watching("the gone are forgotten", (simulation) => {
    const goneSince = new Map<string, number>()
    const key = (id: string, incarnation: number | undefined) => `${id} in incarnation ${incarnation}`
    return Effect.as(
      simulation.observe((event) => {
        if (event._tag !== "MemberChanged" || event.change !== "Died" && event.change !== "Left") return
        const gone = key(event.member, event.incarnation)
        if (!goneSince.has(gone)) goneSince.set(gone, event.at)
      }),
      Effect.gen(function*() {
        for (const name of simulation.running()) {
          for (const member of yield* simulation.members(name)) {
            if (isLive(member)) continue
            const gone = key(member.id, member.incarnation)
            const since = goneSince.get(gone)
            if (since === undefined || simulation.now() - since <= millis(retention)) continue
            return yield* Effect.fail(`${name} still lists ${gone}, gone for ${simulation.now() - since} ms`)
          }
        }
      })
    )
  })

// -----------------------------------------------------------------------------
// of nodes
// -----------------------------------------------------------------------------

/** No node sends, or tries to send, a datagram above its transport's limit. */
export const datagramSize = (options?: {
  /** Bytes. Default: 1400, as transports have it. */
  readonly limit?: number | undefined
}): Invariant =>
  watching("no datagram is too large", (simulation) => {
    const limit = options?.limit ?? 1400
    let problem: string | undefined
    return Effect.as(
      simulation.observe((event) => {
        if (event._tag === "DatagramSent" && event.payload.length > limit) {
          problem ??= `${event.from} sent ${event.payload.length} bytes, which are more than ${limit}`
        }
      }),
      Effect.andThen(
        Effect.suspend(() => problem === undefined ? Effect.void : Effect.fail(problem)),
        ofMetrics(simulation, (series) =>
          series.id === GossipMetrics.drops.id && series.attributes?.["reason"] === "TooLarge"
            ? `${series.attributes["node"]} had something to send that was too large`
            : undefined)
      )
    )
  })

/** No mailbox and no queue of a node has ever held more than it may. */
export const capacities = (options?: {
  /** Default: 4096, as nodes have it. */
  readonly mailbox?: number | undefined
  /** Default: 4096, as nodes have it. */
  readonly sendQueue?: number | undefined
}): Invariant =>
  watching("queues keep to their capacity", (simulation) => {
    const limits = new Map<string, number>([
      [GossipMetrics.mailboxPeak.id, options?.mailbox ?? 4096],
      [GossipMetrics.sendQueuePeak.id, options?.sendQueue ?? 4096]
    ])
    return Effect.succeed(ofMetrics(simulation, (series) => {
      const limit = limits.get(series.id)
      return limit === undefined || series.type !== "Gauge" || series.state.value <= limit
        ? undefined
        : `${series.id} of ${series.attributes?.["node"]} is ${series.state.value}, which is more than ${limit}`
    }))
  })

/** Nodes that have ended leave no fiber and no open transport behind. */
export const noLeaks: Invariant = {
  ...always("nodes leave nothing behind", () => Effect.void),
  ended: ({ addresses, fibers }) =>
    fibers > 0
      ? `${fibers} fibers of nodes that have ended still run`
      : addresses.length > 0
      ? `transports are still open at ${addresses.join(", ")}`
      : undefined
}

/**
 * What every membership owes, whatever goes wrong, with the time that completeness, accuracy and convergence have. It
 * must leave the protocol the time to find out and to spread it: see `Swim.bounds`.
 */
export const membership = (options: {
  readonly within: Duration.Input
}): ReadonlyArray<Invariant> => [
  incarnations,
  datagramSize(),
  capacities(),
  completeness(options),
  accuracy(options),
  convergence(options),
  noLeaks
]

// -----------------------------------------------------------------------------
// internals
// -----------------------------------------------------------------------------

function millis(input: Duration.Input): number {
  return Duration.toMillis(Duration.fromInputUnsafe(input))
}

/** What metrics say holds for as long as the node lives: to look once a second, which costs more than other looks, will do. */
const ofMetrics = (
  simulation: Simulation,
  judge: (series: Metric.Metric.Snapshot) => string | undefined
): Effect.Effect<void, string> => {
  let next = 0
  return Effect.suspend(() => {
    if (simulation.now() < next) return Effect.void
    next = simulation.now() + 1000
    for (const series of simulation.metrics()) {
      const problem = judge(series)
      if (problem !== undefined) return Effect.fail(problem)
    }
    return Effect.void
  })
}

const standing = (member: Member): string => `${member.status.toLowerCase()} in incarnation ${member.incarnation}`
