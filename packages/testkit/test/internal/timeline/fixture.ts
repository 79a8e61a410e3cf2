/** A small run, as its events. */
import * as Address from "@effect-gossip/core/Address"
import { Frame, type Message } from "@effect-gossip/core/wire"
import type { SimulationEvent } from "../../../src/SimulationEvent.ts"
import type { Timeline } from "../../../src/Timeline.ts"

export const address = (index: number) => Address.make({ host: `10.0.0.${index + 1}`, port: 7946 })

export const nodes = ["a", "b", "c"].map((name, index) => ({ name, address: address(index) }))

const cluster = Frame.clusterHash("default")

export const frame = (...messages: ReadonlyArray<Message.Message>): Uint8Array =>
  Frame.assemble(cluster, messages.map((message) => Frame.encodeMessage(message).slice()))

export const ping = (nonce: number, target: string): Message.Message => ({ _tag: "Ping", nonce, target, table: 1 })
export const ack = (nonce: number): Message.Message => ({ _tag: "Ack", nonce, table: 1 })
export const suspect = (id: string, from: string): Message.Message => ({
  ...{ _tag: "Suspect", id, from, incarnation: 7 },
  address: address(nodes.findIndex((node) => node.name === id))
})

/** A datagram's way: sent, and what became of it. */
export const datagram = (
  id: number,
  [from, to]: readonly [number, number],
  [sent, end]: readonly [number, number],
  payload: Uint8Array,
  reason?: "Loss" | "NoSuchAddress"
): ReadonlyArray<SimulationEvent> => {
  const ends = { id, from: address(from), to: address(to) }
  return [
    { _tag: "DatagramSent", at: sent, payload, ...ends },
    reason === undefined
      ? { _tag: "DatagramDelivered", at: end, ...ends }
      : { _tag: "DatagramDropped", at: end, reason, ...ends }
  ]
}

export const started = (node: number, at: number, life = 1): SimulationEvent => ({
  ...{ _tag: "NodeStarted", at, life, node: nodes[node]!.name },
  address: address(node)
})

export const believes = (
  node: string,
  member: string,
  change: "Joined" | "Suspected" | "Died" | "Refuted",
  at: number
): SimulationEvent => ({ _tag: "MemberChanged", at, node, member, change, incarnation: 7 })

export const timeline = (events: ReadonlyArray<SimulationEvent>, rest?: Partial<Timeline>): Timeline => ({
  ...{ title: "a run", seed: 1, nodes, end: 10_000 },
  events: events.toSorted((a, b) => a.at - b.at),
  ...rest
})

/** A run with something of everything. */
export const everything: Timeline = timeline([
  ...[0, 1, 2].map((node) => started(node, 0)),
  ...datagram(0, [0, 1], [1000, 1020], frame(ping(1, "b"))),
  ...datagram(1, [1, 0], [1020, 1045], frame(ack(1), suspect("c", "b"))),
  ...datagram(2, [0, 2], [2000, 2000], frame(ping(2, "c")), "Loss"),
  ...datagram(3, [0, 2], [2100, 2110], frame(ping(3, "c")), "NoSuchAddress"),
  { _tag: "StreamOpened", at: 3000, id: 0, from: address(0), to: address(1) },
  { _tag: "StreamLeg", at: 3000, id: 0, from: address(0), to: address(1), leg: "Request", bytes: 100 },
  { _tag: "StreamLeg", at: 3010, id: 0, from: address(0), to: address(1), leg: "Answer", bytes: 300 },
  { _tag: "StreamClosed", at: 3030, id: 0, from: address(0), to: address(1), outcome: "Answered" },
  believes("a", "c", "Joined", 10),
  believes("a", "c", "Suspected", 2500),
  believes("b", "c", "Died", 5000),
  { _tag: "NodeCrashed", at: 4000, node: "c" },
  started(2, 6000, 2),
  { _tag: "NodePaused", at: 7000, node: "b" },
  { _tag: "NodeResumed", at: 8000, node: "b" },
  { _tag: "FaultBegan", at: 4000, id: 0, fault: { _tag: "Partition", at: 4000, for: 3000, group: ["b", "c"] } },
  { _tag: "FaultEnded", at: 7000, id: 0, fault: { _tag: "Partition", at: 4000, for: 3000, group: ["b", "c"] } },
  { _tag: "FaultBegan", at: 5000, id: 1, fault: { _tag: "ClockJump", at: 5000, node: "a", by: 1000 } },
  { _tag: "Note", at: 4000, text: `cut ${address(1)} off` },
  { _tag: "Violated", at: 9000, invariant: "all agree", problem: "a and b do not" },
  { _tag: "NodeStopped", at: 9500, node: "a" }
], { replay: "SEED=1 vitest" })
