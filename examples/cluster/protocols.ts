/**
 * The protocols that the demo can run, and what is to be seen of each.
 */
import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import * as Swim from "@effect-gossip/core/membership/Swim"
import type { InvalidOption } from "@effect-gossip/core/Transport"
import * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"

/** A protocol, as the demo knows it. */
export interface Protocol {
  /** How it finds the dead, to follow its name in a list. */
  readonly about: string
  /** What makes a node use it. The demo is short, so that timeouts are too. */
  readonly layer: Layer.Layer<never, InvalidOption>
  /** What is thought first of one who does not answer: to follow "one". */
  readonly doubts: string
  /** How long a process that is stopped stays so once it is doubted, at most, until it goes on. */
  readonly patience: Duration.Input
  /** Whether who was doubted always comes back in a higher incarnation. */
  readonly refutes: boolean
  /** Of so many processes, of which one is dead: what keeps the rest from declaring a second one dead, if anything does. */
  readonly withheld: (nodes: number) => string | undefined
}

const never = () => undefined

/** The table. A further protocol is one more entry. */
export const protocols = {
  swim: {
    about: "probes, suspicion, and gossip",
    layer: Swim.layer(),
    doubts: "suspects it",
    // in time to refute: the shortest suspicion ends after `suspicionMultiplier` probe intervals
    patience: Duration.times(
      Duration.fromInputUnsafe(Swim.defaults.probeInterval),
      Swim.defaults.suspicionMultiplier / 2
    ),
    refutes: true,
    withheld: never
  },
  heartbeat: {
    about: "heartbeats by gossip, and each judges for itself",
    layer: Heartbeat.layer({ gossipInterval: "200 millis", maxInterval: "400 millis" }),
    // it knows no suspicion
    doubts: "has it dead",
    patience: "2 seconds",
    refutes: true,
    withheld: never
  },
  "cluster-bus": {
    about: "pings, and a majority decides",
    layer: ClusterBus.layer({ nodeTimeout: "2 seconds" }),
    doubts: "suspects it",
    patience: "1 second",
    // a doubt that no majority shares ends when the member answers
    refutes: false,
    withheld: (nodes) =>
      nodes - 2 > nodes / 2 ? undefined : `${nodes - 2} of ${nodes} are no majority, and declare nobody dead`
  }
} satisfies { readonly [name: string]: Protocol }

export type Name = keyof typeof protocols

export const names = Object.keys(protocols) as [Name, ...Array<Name>]

export const get = (name: Name): Protocol => protocols[name]
