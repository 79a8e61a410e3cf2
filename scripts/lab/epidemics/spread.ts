/**
 * One rumor among many nodes: the machines that run in production, driven by the testkit's `Experiment`, and what comes
 * of it.
 *
 * - **Synchronous**, as the papers have it: all rounds begin together, and a message takes no time to speak of. The rumor is
 *   published in round 0; the first contacts are in round 1.
 * - **Asynchronous**, as it is: each node's rounds begin when they will and are late by up to a tenth, and a message takes a
 *   twentieth of a round as a median, a quarter for one in a hundred.
 *
 * Times are in rounds: in the synchronous setting the number of the round, otherwise time over the interval.
 */
import * as DisseminationMachine from "@effect-gossip/core/dissemination/DisseminationMachine"
import * as PeerSelection from "@effect-gossip/core/dissemination/PeerSelection"
import { combine, type SpreadReport } from "@effect-gossip/core/dissemination/SpreadReport"
import * as Experiment from "@effect-gossip/testkit/Experiment"
import * as Latency from "@effect-gossip/testkit/Latency"
import * as Strategies from "./strategies.ts"

const { roundMillis } = Strategies

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

export type Timing = "synchronous" | "asynchronous"

export type Selection = "uniform" | "shuffled-round-robin" | "ring"

export const selections: { readonly [name in Selection]: PeerSelection.PeerSelection } = {
  uniform: PeerSelection.uniform,
  "shuffled-round-robin": PeerSelection.shuffledRoundRobin,
  ring: PeerSelection.ring
}

/** What a run is made of, apart from its seed. */
export interface Setting {
  readonly nodes: number
  readonly strategy: Strategies.StrategySetting
  /** How nodes compare what they know, each with one other a round. */
  readonly antiEntropy?: {
    readonly mode: DisseminationMachine.AntiEntropy["mode"]
    /** Rounds for which a rumor is left to its strategy. */
    readonly settling: number
  } | undefined
  readonly selection: Selection
  /** Share of datagrams that are lost. */
  readonly loss: number
  readonly timing: Timing
  /** Bytes of the payload. */
  readonly payload: number
  /** Whether it is over as soon as all know the rumor, and not only when nobody spreads it any more. */
  readonly untilAllKnow: boolean
  /** Most rounds. */
  readonly atMost: number
}

/** What a setting is where nobody says otherwise. */
export const defaults = {
  selection: "uniform",
  loss: 0,
  timing: "synchronous",
  payload: 100,
  untilAllKnow: false,
  atMost: 1000
} satisfies Partial<Setting> as Omit<Setting, "nodes" | "strategy">

/** What came of a run. */
export interface Run {
  /** Nodes that know the rumor in the end, its publisher included. */
  readonly heard: number
  /** Messages that carry the payload, payloads that came to who knew it, and messages that carry none. */
  readonly payload: number
  readonly redundant: number
  readonly control: number
  readonly payloadBytes: number
  readonly controlBytes: number
  /** Messages that the node sent which sent most. */
  readonly busiest: number
  /** Until others than the publisher heard it: on average, and the last of them. */
  readonly delayAverage: number
  readonly delayLast: number
  /** Most nodes that passed it on before somebody heard it. */
  readonly hops: number
  /** How many know it at the end of each round, from round 0 on; in the asynchronous setting, of each interval. */
  readonly curve: ReadonlyArray<number>
  /** When 0%, 2%, …, 100% of the nodes knew it; as many as it came to. */
  readonly milestones: ReadonlyArray<number>
}

/** Steps of {@link Run.milestones}. */
export const milestoneSteps = 50

// -----------------------------------------------------------------------------
// a run
// -----------------------------------------------------------------------------

/** Rounds without a payload after which nobody will send any more; where nodes are asked at random, with all but certainty. */
const quietRounds = { polling: 15, silent: 2 }

/** So that rounds of all are under way before anything is published. */
const warmUp = 3

/** Runs a setting: the same seed, the same run. */
export const observe = (setting: Setting, seed: string): Run => {
  const { antiEntropy, atMost, nodes, timing } = setting
  const isSynchronous = timing === "synchronous"
  const strategy = Strategies.make(setting.strategy)
  const experiment = Experiment.makeUnsafe({
    nodes,
    seed,
    loss: setting.loss,
    latency: isSynchronous
      ? Experiment.wave
      : Latency.logNormal({ median: roundMillis / 20, p99: roundMillis / 4 }),
    machine: (birth, place) =>
      DisseminationMachine.makeProtocol({
        peers: place.peers,
        selection: selections[setting.selection],
        strategy,
        retention: Infinity,
        dedupWindow: Infinity,
        antiEntropy: antiEntropy === undefined ? undefined : {
          mode: antiEntropy.mode,
          interval: roundMillis,
          settling: antiEntropy.settling * roundMillis,
          // what pull is: those ask who know nothing
          talksWhenEmpty: antiEntropy.mode !== "push"
        },
        pacing: isSynchronous ? { phase: 0 } : { jitter: 0.1 }
      }).make(birth)
  })

  const milestones: Array<number> = []
  let heard = 0
  let delaySum = 0
  let delayLast = 0
  let publishedAt = 0
  experiment.onEvent((_, __, now) => {
    heard++
    const late = (now - publishedAt) / roundMillis
    const delay = isSynchronous ? Math.floor(late) : late
    delaySum += delay
    delayLast = delay
    while (heard * milestoneSteps >= milestones.length * nodes) milestones.push(delay)
  })
  if (!isSynchronous) {
    publishedAt = warmUp * roundMillis
    experiment.run({ until: publishedAt })
  }
  const before = tally(experiment.machines)
  experiment.command(0, { _tag: "Publish", topic: "lab", payload: new Uint8Array(setting.payload) })

  const curve: Array<number> = []
  const limit = Strategies.polls(setting.strategy) || antiEntropy !== undefined
    ? quietRounds.polling
    : quietRounds.silent
  // what is asked when all is over belongs to the next rumor
  let last = before
  for (let round = 0, quiet = 0; round <= atMost && quiet < limit; round++) {
    // the last moment that belongs to it
    experiment.run({ until: publishedAt + (round + 1) * roundMillis - Experiment.wave })
    const now = tally(experiment.machines)
    if (heard > (curve.at(-1) ?? 0) || now.payloadMessages > last.payloadMessages) {
      quiet = 0
      last = now
    } else quiet++
    curve.push(heard)
    if (setting.untilAllKnow && heard === nodes) break
  }

  return {
    heard,
    payload: last.payloadMessages,
    redundant: last.redundant,
    control: last.controlMessages - before.controlMessages,
    payloadBytes: last.payloadBytes,
    controlBytes: last.controlBytes - before.controlBytes,
    busiest: Math.max(...experiment.machines.map((machine) => {
      const { controlMessages, payloadMessages } = tally([machine])
      return controlMessages + payloadMessages
    })),
    delayAverage: heard <= 1 ? 0 : delaySum / (heard - 1),
    delayLast,
    hops: last.hopsMax,
    curve,
    milestones
  }
}

/** What all nodes have counted. */
const tally = (machines: ReadonlyArray<DisseminationMachine.DisseminationMachine>): SpreadReport =>
  combine(reportsOf(machines))

function* reportsOf(machines: ReadonlyArray<DisseminationMachine.DisseminationMachine>) {
  for (const machine of machines) yield* machine.reports().values()
}
