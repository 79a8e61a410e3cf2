/**
 * Invariants that the planted bugs need beyond those of the testkit. They hear of what happens, so that nothing between
 * two looks escapes them.
 */
import type { Member } from "@effect-gossip/core/membership/Member"
import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import * as Invariant from "@effect-gossip/testkit/Invariant"
import type { Simulation } from "@effect-gossip/testkit/Simulation"
import type { SimulationEvent } from "@effect-gossip/testkit/SimulationEvent"
import * as Effect from "effect/Effect"
import { clusterHash, decode } from "../../src/wire/Frame.ts"

/** What must be so of events: `judge` says what is wrong about one. */
const ofEvents = (
  name: string,
  make: (simulation: Simulation) => (event: SimulationEvent) => string | undefined
): Invariant.Invariant =>
  Invariant.watching(name, (simulation) => {
    const judge = make(simulation)
    let problem: string | undefined
    return Effect.as(
      simulation.observe((event) => {
        problem ??= judge(event)
      }),
      Effect.suspend(() => problem === undefined ? Effect.void : Effect.fail(problem))
    )
  })

const rank = { Joined: 0, Refuted: 0, Updated: 0, Suspected: 1, Died: 2, Left: 3 } as const

/**
 * In no node's view does a member go back in the order of claims: neither to a lower incarnation nor, within one, from
 * suspect to alive or from gone to live. Only what was forgotten may come back.
 */
export const standings = ofEvents("standings never go back", () => {
  const views = new Map<string, Map<string, { readonly incarnation: number; readonly rank: number }>>()
  return (event) => {
    if (event._tag === "NodeStarted") views.set(event.node, new Map())
    if (event._tag !== "MemberChanged" || event.change === "Conflict") return undefined
    const view = views.get(event.node)!
    if (event.change === "Reaped") {
      view.delete(event.member)
      return undefined
    }
    const before = view.get(event.member)
    const incarnation = event.incarnation!
    const now = { incarnation, rank: rank[event.change] }
    if (before === undefined || before.incarnation < incarnation) {
      view.set(event.member, now)
      return undefined
    }
    if (before.incarnation === incarnation && before.rank <= now.rank) {
      view.set(event.member, now)
      return undefined
    }
    // metadata may change while a member is suspected
    if (event.change === "Updated" && before.incarnation === incarnation) return undefined
    return `${event.node} went back from ${JSON.stringify(before)} of ${event.member} to ${JSON.stringify(now)}`
  }
})

/** Nobody is dead to anyone in an incarnation in which nobody suspected it for as long as it has to refute. */
export const timeToRefute = (millis: number) =>
  ofEvents("suspects have their time to refute", () => {
    const suspected = new Map<string, number>()
    return (event) => {
      if (event._tag !== "MemberChanged") return undefined
      const incarnation = `${event.member} in incarnation ${event.incarnation}`
      if (event.change === "Suspected" && !suspected.has(incarnation)) suspected.set(incarnation, event.at)
      if (event.change !== "Died") return undefined
      const since = suspected.get(incarnation)
      return since !== undefined && event.at - since >= millis
        ? undefined
        : `${event.node} holds ${incarnation} dead ${
          since === undefined ? "whom nobody suspected" : `after ${event.at - since} ms of suspicion`
        }`
    }
  })

/** Nobody is suspected by anyone. */
export const noSuspicion = ofEvents("nobody is suspected", () => (event) =>
  event._tag === "MemberChanged" && event.change === "Suspected"
    ? `${event.node} suspects ${event.member}`
    : undefined)

/**
 * Nobody is dead to those from whom it was never cut off. For schedules of partitions only; news that was under way
 * when one healed has so many milliseconds to pass.
 */
export const onlyTheCutOffDie = (millis: number) =>
  ofEvents("only those die who were cut off", () => {
    const cuts = new Map<number, ReadonlySet<string>>()
    const past: Array<ReadonlySet<string>> = []
    let healedAt = -Infinity
    return (event) => {
      if (event._tag === "FaultBegan" && event.fault._tag === "Partition") {
        cuts.set(event.id, new Set(event.fault.group))
        past.push(new Set(event.fault.group))
      }
      if (event._tag === "FaultEnded") {
        cuts.delete(event.id)
        healedAt = event.at
      }
      if (event._tag !== "MemberChanged" || event.change !== "Died") return undefined
      const { at, member, node } = event
      if (at - healedAt < millis || past.some((group) => group.has(node) !== group.has(member))) return undefined
      return `${node} holds ${member} dead, from whom it was never cut off`
    }
  })

/** A claim that comes in datagrams is handled once by each process, however often it comes. */
export const claimsAreHandledOnce = Invariant.watching("claims are handled once", (simulation) => {
  const cluster = clusterHash("default")
  const names = new Map<string, string>(simulation.nodes.map(({ address, name }) => [address, name]))
  const underWay = new Map<number, Uint8Array>()
  const heard = new Map<string, Set<string>>()
  const claims = ["Alive", "Suspect", "Dead", "Left"] as const
  return Effect.as(
    simulation.observe((event) => {
      if (event._tag === "NodeStarted") heard.set(event.node, new Set())
      if (event._tag === "DatagramSent") underWay.set(event.id, event.payload)
      if (event._tag !== "DatagramDelivered") return
      const { encoded, messages } = decode(cluster, underWay.get(event.id)!)
      messages.forEach(({ _tag }, index) => {
        if (claims.some((tag) => tag === _tag)) heard.get(names.get(event.to)!)?.add(encoded[index]!.join())
      })
    }),
    Effect.suspend(() => {
      for (const name of simulation.running()) {
        let handled = 0
        for (const kind of claims) {
          handled += simulation.count(name, GossipMetrics.messages, { kind, direction: "in" })
        }
        const different = heard.get(name)!.size
        if (handled > different) return Effect.fail(`${name} handled ${handled} claims, of which ${different} differ`)
      }
      return Effect.void
    })
  )
})

/** No transport refuses what a node sends. */
export const noneRefused = Invariant.always("no datagram is refused", (simulation) =>
  Effect.suspend(() => {
    const name = simulation.running().find((name) =>
      simulation.count(name, GossipMetrics.drops, { reason: "SendFailed" }) > 0
    )
    return name === undefined ? Effect.void : Effect.fail(`a transport refused what ${name} sent`)
  }))

const everyView = (
  simulation: Simulation,
  problem: (member: Member, observer: string) => string | undefined
): Effect.Effect<void, string> =>
  Effect.gen(function*() {
    for (const name of simulation.running()) {
      for (const member of yield* Effect.orDie(simulation.members(name))) {
        const wrong = problem(member, name)
        if (wrong !== undefined) return yield* Effect.fail(wrong)
      }
    }
  })

const utf8 = new TextEncoder()

/** The metadata of a node for {@link metadataIsKept}. */
export const metadataOf = (name: string): Uint8Array => utf8.encode(`I am ${name}`)

/** Every member is seen with the metadata that it was given. */
export const metadataIsKept = Invariant.always("metadata is kept", (simulation) =>
  everyView(simulation, (member, name) =>
    member.metadata.join() === metadataOf(member.id).join()
      ? undefined
      : `${name} sees ${member.id} with metadata of ${member.metadata.length} bytes`))

/** Who has left on its own has left, and is not dead, to everyone who knows it. */
export const leaversHaveLeft = (within: string & `${number} seconds`) =>
  Invariant.eventually("who left is known to have left", { within }, (simulation) => {
    const running = new Set(simulation.running())
    return everyView(simulation, ({ id, status }, name) =>
      running.has(id) || status === "Left" ? undefined : `${name} sees ${id}, who left, as ${status.toLowerCase()}`)
  })

/** Nobody lists one who is gone for longer than so many milliseconds. */
export const theGoneAreForgotten = (millis: number) =>
  Invariant.watching("the gone are forgotten", (simulation) => {
    const goneSince = new Map<string, number>()
    const key = (id: string, incarnation: number | undefined) => `${id} in incarnation ${incarnation}`
    return Effect.as(
      simulation.observe((event) => {
        if (event._tag !== "MemberChanged" || event.change !== "Died" && event.change !== "Left") return
        const gone = key(event.member, event.incarnation)
        if (!goneSince.has(gone)) goneSince.set(gone, event.at)
      }),
      everyView(simulation, ({ id, incarnation, status }, name) => {
        if (status !== "Dead" && status !== "Left") return undefined
        const gone = key(id, incarnation)
        const since = goneSince.get(gone)
        return since === undefined || simulation.now() - since <= millis
          ? undefined
          : `${name} still lists ${gone}, gone for ${simulation.now() - since} ms`
      })
    )
  })
