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
import type * as Scope from "effect/Scope"
import type { Simulation } from "./Simulation.ts"

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
    const views = new Map<string, { readonly life: number; seen: ReadonlyMap<string, Member> }>()
    return Effect.gen(function*() {
      for (const name of simulation.running()) {
        const life = simulation.lifeOf(name)
        const before = views.get(name)
        const members = yield* simulation.members(name)
        const seen = new Map(members.map((member) => [`${member.id} ${member.address}`, member]))
        views.set(name, { life, seen })
        // another process has another memory
        if (before?.life !== life) continue
        for (const [identity, member] of seen) {
          const former = before.seen.get(identity)
          if (former !== undefined && former.incarnation > member.incarnation) {
            return yield* Effect.fail(
              `${name} went back from incarnation ${former.incarnation} of ${member.id} to ${member.incarnation}`
            )
          }
        }
      }
    })
  }))

// -----------------------------------------------------------------------------
// of nodes
// -----------------------------------------------------------------------------

/** No node sends a datagram above its transport's limit. */
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
      Effect.suspend(() => problem === undefined ? Effect.void : Effect.fail(problem))
    )
  })

/** No mailbox and no queue of a node holds more than it may. */
export const capacities = (options?: {
  /** Default: 4096, as nodes have it. */
  readonly mailbox?: number | undefined
  /** Default: 4096, as nodes have it. */
  readonly sendQueue?: number | undefined
}): Invariant =>
  always("queues keep to their capacity", (simulation) =>
    Effect.suspend(() => {
      const limits = new Map<string, number>([
        [GossipMetrics.mailboxSize.id, options?.mailbox ?? 4096],
        [GossipMetrics.sendQueueSize.id, options?.sendQueue ?? 4096]
      ])
      for (const series of simulation.metrics()) {
        const limit = limits.get(series.id)
        if (limit === undefined || series.type !== "Gauge" || series.state.value <= limit) continue
        return Effect.fail(
          `${series.id} of ${series.attributes?.["node"]} is ${series.state.value}, which is more than ${limit}`
        )
      }
      return Effect.void
    }))

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
 * All of the above, with the time that completeness, accuracy and convergence have. It must leave the protocol the time
 * to find out and to spread it: see `Swim.bounds`.
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

const standing = (member: Member): string => `${member.status.toLowerCase()} in incarnation ${member.incarnation}`
