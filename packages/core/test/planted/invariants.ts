/**
 * Invariants that the planted bugs need beyond those of the testkit. They hear of what happens, so that nothing between
 * two looks escapes them.
 */
import * as GossipMetrics from "@effect-gossip/core/GossipMetrics"
import type { Member } from "@effect-gossip/core/membership/Member"
import * as Invariant from "@effect-gossip/testkit/Invariant"
import type { Simulation } from "@effect-gossip/testkit/Simulation"
import * as Effect from "effect/Effect"
import { clusterHash, decode } from "../../src/wire/Frame.ts"

/** Nobody is suspected by anyone. */
export const noSuspicion = Invariant.ofEvents(
  "nobody is suspected",
  () => (event) =>
    event._tag === "MemberChanged" && event.change === "Suspected"
      ? `${event.node} suspects ${event.member}`
      : undefined
)

/**
 * Nobody is dead to those from whom it was never cut off. For schedules of partitions only; news that was under way
 * when one healed has so many milliseconds to pass.
 */
export const onlyTheCutOffDie = (millis: number) =>
  Invariant.ofEvents("only those die who were cut off", () => {
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

/** Nobody is dead to one who is cut off with no more than half of all nodes. For schedules of one partition. */
export const minoritiesDeclareNobody = Invariant.ofEvents("a minority declares nobody dead", ({ nodes }) => {
  let cutOff: ReadonlySet<string> | undefined
  return (event) => {
    if (event._tag === "FaultBegan" && event.fault._tag === "Partition") cutOff = new Set(event.fault.group)
    if (event._tag === "FaultEnded") cutOff = undefined
    if (event._tag !== "MemberChanged" || event.change !== "Died" || cutOff === undefined) return undefined
    const { member, node } = event
    const isCutOff = cutOff.has(node)
    const side = isCutOff ? cutOff.size : nodes.length - cutOff.size
    return side > nodes.length / 2 ? undefined : `${node} holds ${member} dead, with ${side} of ${nodes.length} nodes`
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
      if (event._tag === "NodeStarted") heard.delete(event.node)
      if (event._tag === "DatagramSent") underWay.set(event.id, event.payload)
      if (event._tag !== "DatagramDelivered") return
      const name = names.get(event.to)!
      const different = heard.get(name) ?? new Set()
      heard.set(name, different)
      const { encoded, messages } = decode(cluster, underWay.get(event.id)!)
      messages.forEach(({ _tag }, index) => {
        if (claims.some((tag) => tag === _tag)) different.add(encoded[index]!.join())
      })
    }),
    Effect.suspend(() => {
      for (const name of simulation.running()) {
        let handled = 0
        for (const kind of claims) {
          handled += simulation.count(name, GossipMetrics.messages, { kind, direction: "in" })
        }
        const different = heard.get(name)?.size ?? 0
        if (handled > different) return Effect.fail(`${name} handled ${handled} claims, of which ${different} differ`)
      }
      return Effect.void
    })
  )
})

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
export const metadataIsKept = Invariant.always(
  "metadata is kept",
  (simulation) =>
    everyView(simulation, (member, name) =>
      member.metadata.join() === metadataOf(member.id).join()
        ? undefined
        : `${name} sees ${member.id} with metadata of ${member.metadata.length} bytes`)
)

/** Who has left on its own has left, and is not dead, to everyone who knows it. */
export const leaversHaveLeft = (within: string & `${number} seconds`) =>
  Invariant.eventually(
    "who left is known to have left",
    { within },
    (simulation) =>
      everyView(simulation, ({ id, status }, name) =>
        simulation.running().includes(id) || status === "Left"
          ? undefined
          : `${name} sees ${id}, who left, as ${status.toLowerCase()}`)
  )
