/**
 * The protocols as the conformance suite runs them: with bounds that follow from their parameters, so that they hold for
 * clusters of any size.
 */
import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import * as Swim from "@effect-gossip/core/membership/Swim"
import type * as Fault from "@effect-gossip/testkit/Fault"
import * as Invariant from "@effect-gossip/testkit/Invariant"
import type * as MembershipSuite from "@effect-gossip/testkit/MembershipSuite"
import type * as Simulation from "@effect-gossip/testkit/Simulation"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import {
  defaultConfig as defaultHeartbeat,
  roundsPerTurn,
  spreadRounds,
  usualDatagram
} from "../../src/membership/internal/heartbeat/config.ts"
import { defaultConfig as defaultSwim, spreadTime } from "../../src/membership/internal/swim/config.ts"
import { suspicionTimeout } from "../../src/membership/internal/swim/suspicion.ts"

/** A protocol that the tests run, for clusters of so many nodes. */
interface Tested {
  readonly options: MembershipSuite.Options
  /** The same, with less time between tries of the dead: all is well again so soon after the last fault. */
  readonly searched: { readonly protocol: MembershipSuite.Options["protocol"]; readonly within: Duration.Duration }
}

const reconnectInterval = 5000

/** In so many tries someone who is there is found, nearly always: see the `healing` of each protocol's bounds. */
const tries = 4

const swim = (nodes: number): Tested => {
  const { probeInterval, suspicionMaxMultiplier, suspicionMultiplier } = defaultSwim
  const suspicion = suspicionTimeout(suspicionMultiplier, nodes, probeInterval)
  // someone probes it within two periods, and at worst nobody else says the same
  const crashed = 2 * probeInterval + suspicion * suspicionMaxMultiplier + spreadTime(defaultSwim, nodes)
  return {
    options: { protocol: Swim.layer(), bounds: { crashed } },
    searched: {
      protocol: Swim.layer({ reconnectInterval }),
      // whoever comes out of it in bad health has a few probes that take longer
      within: Duration.millis(crashed + tries * reconnectInterval + defaultSwim.localHealthMax * probeInterval)
    }
  }
}

const heartbeat = (nodes: number): Tested => {
  // a rumor passes from one to one in a round, when it is in the part of the ring whose turn it is
  const rumor = roundsPerTurn(nodes, usualDatagram) * spreadRounds(nodes) * defaultHeartbeat.gossipInterval
  const { detection, healing } = Effect.runSync(Heartbeat.bounds(nodes))
  return {
    options: {
      protocol: Heartbeat.layer(),
      bounds: { crashed: detection, joined: rumor, updated: rumor, restarted: rumor, healed: healing }
    },
    searched: {
      protocol: Heartbeat.layer({ reconnectInterval }),
      within: Effect.runSync(Heartbeat.bounds(nodes, { reconnectInterval })).healing
    }
  }
}

const clusterBus = (nodes: number): Tested => {
  // Who does not reach a few pings all, and tells all of them all, several times a timeout: it has to grow with them.
  const nodeTimeout = nodes < 20 ? 2000 : nodes < 100 ? 5000 : 15_000
  const { detection } = Effect.runSync(ClusterBus.bounds(nodes, { nodeTimeout }))
  return {
    options: {
      protocol: ClusterBus.layer({ nodeTimeout }),
      bounds: {
        // and four datagrams, of which the slowest takes 120 ms: a ping just missed, the next, a report, a FAIL
        crashed: Duration.sum(detection, Duration.millis(500)),
        // two that join at once learn of each other by chance, or else when all ping them, at half a timeout; and some datagrams
        joined: Duration.millis(Math.max(5000, nodeTimeout / 2 + 500))
      },
      // what was said of one who does not answer counts for two timeouts, and strangers are asked for three
      outage: Math.max(40_000, 4 * nodeTimeout),
      minorityDeclaresDeath: false
    },
    searched: {
      protocol: ClusterBus.layer({ nodeTimeout, reconnectInterval }),
      // what was found out on the last try is told within one more timeout
      within: Duration.sum(
        Effect.runSync(ClusterBus.bounds(nodes, { nodeTimeout, reconnectInterval })).healing,
        Duration.millis(nodeTimeout)
      )
    }
  }
}

/** By name, for clusters of so many nodes. */
export const protocols: { readonly [name: string]: (nodes: number) => Tested } = {
  Swim: swim,
  Heartbeat: heartbeat,
  ClusterBus: clusterBus
}

/**
 * A search of a protocol: whatever goes wrong in a minute, in the end all see who is there, and nothing that must never
 * be is. Of a majority that is lost for good ClusterBus declares nobody dead.
 */
export const searchOf = (
  name: string,
  nodes: number,
  faults: Fault.Bounds
): Omit<Simulation.ExploreOptions, "seeds"> => {
  const { options, searched: { protocol, within } } = protocols[name]!(nodes)
  return {
    nodes,
    protocol,
    title: `${nodes} nodes with ${name}`,
    faults: options.minorityDeclaresDeath === false ? { ...faults, stayAway: false } : faults,
    invariants: Invariant.membership({ within }),
    // a look costs the square of the nodes
    checkEvery: Math.max(200, 10 * nodes)
  }
}
