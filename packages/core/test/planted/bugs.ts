/**
 * Mistakes that are planted into the protocols, each with the search that has to find it: under which faults, by which
 * invariant, within how many seeds, and with how few faults in the end.
 *
 * Each is a mistake that an engineer could make in a line or two. None needs a hook in the sound code: a method of a
 * class is another for as long as a search takes, which is synchronous.
 */
import * as ClusterBus from "@effect-gossip/core/membership/ClusterBus"
import * as Heartbeat from "@effect-gossip/core/membership/Heartbeat"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type * as Swim from "@effect-gossip/core/membership/Swim"
import type { InvalidOption } from "@effect-gossip/core/Transport"
import * as Fault from "@effect-gossip/testkit/Fault"
import * as Invariant from "@effect-gossip/testkit/Invariant"
import type * as Simulation from "@effect-gossip/testkit/Simulation"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Broadcasts } from "../../src/internal/broadcasts.ts"
import { Core as BusCore } from "../../src/membership/internal/clusterBus/core.ts"
import { Core as HeartbeatCore } from "../../src/membership/internal/heartbeat/core.ts"
import { Joining } from "../../src/membership/internal/joining.ts"
import { SwimMachine } from "../../src/membership/internal/swim/machine.ts"
import { Suspicions } from "../../src/membership/internal/swim/suspicion.ts"
import { keyOf, MemberTable } from "../../src/membership/internal/table.ts"
import { View } from "../../src/membership/internal/view.ts"
import { Seen } from "../../src/node/internal/seen.ts"
import { encodeMessage, headerSize } from "../../src/wire/Frame.ts"
import * as Invariants from "./invariants.ts"
import * as Plant from "./plant.ts"

/** A planted mistake, and what is to find it. */
export interface Bug {
  readonly name: string
  /** What is wrong, and what comes of it. */
  readonly mistake: string
  /** How it gets into the code; those of the second kind break the protocol's layer instead. */
  readonly plant: Plant.Plant | { readonly protocol: (sound: Protocol) => Protocol }
  /** What is searched, besides the seeds. The sound protocol holds in the same search. */
  readonly search: Search
  /** The invariant that does not hold. */
  readonly violates: string
  /** Seeds within which it is found, and which the sound protocol stands. */
  readonly seeds: number
  /** Faults that are left at most when the schedule has been made small. */
  readonly faults: number
}

type Protocol = Layer.Layer<never, InvalidOption>

/** A search, of Swim with options unless it is of another protocol. */
export interface Search extends Omit<Simulation.ExploreOptions, "seeds" | "nodes"> {
  readonly nodes: ReadonlyArray<string>
  readonly swim?: Partial<Swim.Options>
  readonly program?: (simulation: Simulation.Simulation) => Effect.Effect<void, unknown>
}

// -----------------------------------------------------------------------------
// the cluster
// -----------------------------------------------------------------------------

const nodes = ["n0", "n1", "n2", "n3"]

/**
 * Some five times as fast as Swim's defaults, so that a run is short: a suspect has 800 ms, and a netsplit heals within
 * some seconds.
 */
const fast: Partial<Swim.Options> = {
  probeInterval: "200 millis",
  probeTimeout: "100 millis",
  gossipInterval: "50 millis",
  gossipToTheDead: "2 seconds",
  syncInterval: "3 seconds",
  reconnectInterval: "1 second",
  deadRetention: "1 hour",
  // plain SWIM: with Lifeguard it takes longer to find out what is wrong
  suspicionMaxMultiplier: 1,
  localHealthMax: 1,
  nacks: false,
  buddySystem: false,
  streamProbe: false
}

/** A suspect has 2 s: whoever misses something meanwhile still has old news of those who are well. */
const patient: Partial<Swim.Options> = { ...fast, suspicionMultiplier: 10 }

/** With Lifeguard: a suspect has 800 ms when two others share the suspicion, and 4.8 s when nobody does. */
const lifeguard: Partial<Swim.Options> = {
  ...fast,
  suspicionMaxMultiplier: 6,
  localHealthMax: 8,
  nacks: true,
  buddySystem: true
}

/** Gossip much faster than probes, so that what it fails to tell comes out late: by way of the hashes that probes show. */
const slowProbes: Partial<Swim.Options> = { ...fast, probeInterval: "1 second", probeTimeout: "500 millis" }

// looks cost more than anything else; most invariants keep what they saw in between
const cluster = { nodes, gossip: { seeds: ["n0", "n1"] }, checkEvery: "500 millis" } as const

/** A few faults of these kinds that begin between 1 s and 4 s; or none, which some bugs do not need. */
const faults = (
  kinds: ReadonlyArray<Fault.Kind>,
  bounds?: Fault.Bounds
): Fault.Bounds => ({
  kinds,
  minFaults: 0,
  maxFaults: 3,
  from: "1 second",
  within: "4 seconds",
  longest: "3 seconds",
  ...bounds
})

/** All that is asked of memberships, with time enough for {@link fast}. */
const membership = Invariant.membership({ within: "6 seconds" })

/** Schedules within bounds, each fault of which is made another. */
const madeOf = (bounds: Fault.Bounds, make: (fault: Fault.Fault) => Fault.Fault): Arbitrary.Arbitrary<Fault.Schedule> =>
  Arbitrary.map(Fault.arbitrary(nodes, bounds), (schedule): Fault.Schedule => schedule.map(make))

/** Two nodes lose each other, and nobody else. */
const brokenPairs = madeOf(faults(["Partition"], { maxFaults: 2 }), (fault) => {
  if (fault._tag !== "Partition") return fault
  const one = fault.group[0]!
  return { ...fault, group: [one], from: [nodes[(nodes.indexOf(one) + 1) % nodes.length]!] }
})

/** Links are slow, and some datagrams slower than others. None are corrupted: flipped bits make true claims false. */
const slowness = madeOf(
  faults(["Pause", "Link"], { maxFaults: 5 }),
  (fault) => fault._tag === "Link" ? { ...fault, link: { latency: { _tag: "Uniform", min: 1, max: 1000 } } } : fault
)

/** Clocks are set back, and processes restarted; of two nodes, so that the same is likely to meet with both. */
const setBack = madeOf(
  faults(["ClockJump", "Crash"], { maxFaults: 5, stayAway: false, longest: "1 second", spare: ["n2", "n3"] }),
  (fault) => fault._tag === "ClockJump" ? { ...fault, by: -3_600_000 } : fault
)

/** One node is cut off from all others, for less time than a suspicion that nobody shares. */
const lonely = madeOf(
  faults(["Partition"], { minFaults: 1, maxFaults: 1, shortest: "2 seconds", longest: "4 seconds" }),
  (fault) => fault._tag === "Partition" ? { ...fault, group: [fault.group[0]!] } : fault
)

/** One side of a netsplit, and the other. */
const splits = faults(["Partition"], { minFaults: 1, maxFaults: 1, longest: "5 seconds" })

/** Whoever is well is alive to all in the end, whatever they went through. */
const whatever: Search = {
  ...cluster,
  swim: fast,
  faults: faults(["Pause", "Partition", "Link"]),
  invariants: membership
}

/** Whoever is down is dead to all in the end. */
const downs: Search = { ...cluster, swim: fast, faults: faults(["Crash", "Partition"]), invariants: membership }

/** Links on which acks, suspicions and refutations come late, or not at all. */
const slowLinks: Search = {
  ...cluster,
  swim: patient,
  faults: slowness,
  invariants: [Invariant.timeToRefute(2000)],
  settle: "2 seconds"
}

/** Of a restart all know by gossip alone: sooner than a probe could show that tables differ. */
const restarts: Search = {
  ...cluster,
  swim: slowProbes,
  gossip: { seeds: ["n0"] },
  faults: faults(["Crash"], { stayAway: false, spare: ["n0"] }),
  invariants: [Invariant.convergence({ within: "600 millis" })],
  checkEvery: "100 millis"
}

/** Ten times as fast as Heartbeat's defaults, and with half the patience: who is silent for 2 s or less is dead. */
const heartbeat = Heartbeat.layer({
  gossipInterval: "100 millis",
  maxInterval: "200 millis",
  phiThreshold: 4,
  reconnectInterval: "1 second",
  deadRetention: "1 hour"
})

const clusterBus = ClusterBus.layer({
  nodeTimeout: "500 millis",
  reconnectInterval: "1 second",
  deadRetention: "1 hour"
})

const toldOf = (view: View<never>, claim: Parameters<View<never>["hear"]>[0]): boolean => keyOf(claim) === view.self.key

/** The timer of a suspicion declares its member dead, whatever the suspicions say of it, where that has this status. */
const everyTimerKills = (status: "Alive" | "Suspect"): Plant.Plant =>
  Plant.method(SwimMachine.prototype, "step", (step) =>
    function(this: SwimMachine, input, now, random) {
      const outputs = step.call(this, input, now, random)
      if (input._tag !== "Due") return outputs
      const timer = input.timer as { readonly _tag: string; readonly key: string }
      const member = timer._tag === "Suspicion" ? this.member(timer.key.split(" ")[0]!) : undefined
      if (member?.status !== status) return outputs
      const { address, id, incarnation } = member
      const message = { _tag: "Dead", id, address, incarnation, from: this.self.id } as const
      const confirmed = { _tag: "Received", from: address, message, encoded: encodeMessage(message) } as const
      return [...outputs, ...step.call(this, confirmed, now, random)]
    })

// -----------------------------------------------------------------------------
// the bugs
// -----------------------------------------------------------------------------

export const bugs: ReadonlyArray<Bug> = [
  // refutation
  {
    name: "a node does not refute",
    mistake: "Claims about oneself are passed over as nothing new: whoever stalled once is dead for good.",
    plant: Plant.method(View.prototype, "hear", (hear) =>
      function(this: View<never>, claim, via, encoded) {
        if (claim._tag !== "Alive" && toldOf(this, claim)) return
        hear.call(this, claim, via, encoded)
      }),
    search: whatever,
    violates: "accuracy",
    seeds: 15,
    faults: 1
  },
  {
    name: "a refutation is in the incarnation that it refutes",
    mistake: "`+ 1` is missing where a node refutes, and at one incarnation suspicion wins.",
    plant: Plant.method(View.prototype, "hear", (hear) =>
      function(this: View<never>, claim, via, encoded) {
        if (claim._tag === "Alive" || !toldOf(this, claim)) return hear.call(this, claim, via, encoded)
        const { incarnation } = this.self.state
        if (this.phase === "running" && claim.incarnation >= incarnation) {
          this.sayAlive(claim.incarnation, this.metadata)
        }
      }),
    search: { ...whatever, invariants: [Invariant.accuracy({ within: "6 seconds" })] },
    violates: "accuracy",
    seeds: 15,
    faults: 1
  },
  {
    name: "metadata is lost on refuting",
    mistake: "A node that refutes says that it is alive, and forgets to say the rest.",
    plant: Plant.method(View.prototype, "hear", (hear) =>
      function(this: View<never>, claim, via, encoded) {
        const { metadata } = this
        if (toldOf(this, claim)) this.metadata = new Uint8Array(0)
        hear.call(this, claim, via, encoded)
        this.metadata = metadata
      }),
    search: {
      ...cluster,
      swim: fast,
      gossip: ({ name }) => ({ seeds: ["n0", "n1"], metadata: Invariants.metadataOf(name) }),
      // not `Link`: a corrupted datagram may bring other metadata
      faults: faults(["Pause", "Partition"]),
      invariants: [Invariants.metadataIsKept],
      settle: "2 seconds"
    },
    violates: "metadata is kept",
    seeds: 15,
    faults: 1
  },
  {
    name: "a node does not hear of its former life",
    mistake:
      "`Alive` about oneself is taken for an echo. It is another life's if the clock was set back before a restart, and then outranks all that this one says.",
    plant: Plant.method(View.prototype, "hear", (hear) =>
      function(this: View<never>, claim, via, encoded) {
        if (claim._tag === "Alive" && toldOf(this, claim)) return
        hear.call(this, claim, via, encoded)
      }),
    search: { ...cluster, swim: fast, faults: setBack, invariants: membership },
    violates: "convergence",
    seeds: 35,
    faults: 2
  },

  // incarnations
  {
    name: "alive wins over suspect in the same incarnation",
    mistake: "`>=` for `>` in the comparison of claims: old news that someone is alive clears a suspect.",
    plant: Plant.method(MemberTable.prototype, "apply", (apply) =>
      function(this: MemberTable, claim, since) {
        const entry = this.get(keyOf(claim))
        if (
          entry !== undefined && claim._tag === "Alive" && entry.state.status !== "Alive" &&
          entry.state.incarnation === claim.incarnation
        ) entry.set({ ...entry.state, incarnation: claim.incarnation - 1 })
        return apply.call(this, claim, since)
      }),
    search: {
      ...cluster,
      swim: fast,
      faults: faults(["Crash", "Pause", "Partition"]),
      invariants: [Invariant.standings],
      settle: "2 seconds"
    },
    violates: "standings never go back",
    seeds: 30,
    faults: 2
  },
  {
    name: "the comparison of incarnations is off by one",
    mistake: "A suspicion that was refuted just now still counts: it undoes the refutation, in a lower incarnation.",
    plant: Plant.method(MemberTable.prototype, "apply", (apply) =>
      function(this: MemberTable, claim, since) {
        const entry = this.get(keyOf(claim))
        if (
          entry !== undefined && !entry.pinned && claim._tag === "Suspect" &&
          entry.state.incarnation === claim.incarnation + 1
        ) entry.set({ ...entry.state, incarnation: claim.incarnation, status: "Alive" })
        return apply.call(this, claim, since)
      }),
    search: {
      ...cluster,
      swim: fast,
      faults: slowness,
      invariants: [Invariant.incarnations],
      checkEvery: "20 millis",
      settle: "2 seconds"
    },
    violates: "incarnations never go back",
    seeds: 20,
    faults: 2
  },

  // suspicion
  {
    name: "suspicion never ends",
    mistake: "The timer's token is compared with the next one's: no suspicion is ever confirmed.",
    plant: Plant.method(Suspicions.prototype, "expire", (expire) =>
      function(this: Suspicions, key, token) {
        expire.call(this, key, token - 1)
      }),
    search: downs,
    violates: "completeness",
    seeds: 30,
    faults: 1
  },
  {
    name: "refuting does not stop the clock",
    mistake: "The timer of a suspicion looks at its token only, and not whether the suspicion still stands.",
    plant: everyTimerKills("Alive"),
    search: slowLinks,
    violates: "suspects have their time to refute",
    seeds: 20,
    faults: 2
  },
  {
    name: "one token serves all suspicions",
    mistake: "Whichever timer fires ends the suspicion that there is: that of an earlier one ends it before its time.",
    plant: everyTimerKills("Suspect"),
    search: slowLinks,
    violates: "suspects have their time to refute",
    seeds: 20,
    faults: 2
  },

  // Lifeguard
  {
    name: "a nack counts as an ack",
    mistake: "Who was asked to probe and got no answer says so, and that is taken for one: nobody is missed.",
    plant: Plant.method(SwimMachine.prototype, "step", (step) =>
      function(this: SwimMachine, input, now, random) {
        if (input._tag !== "Received" || input.message._tag !== "Nack") return step.call(this, input, now, random)
        return step.call(this, { ...input, message: { _tag: "Ack", nonce: input.message.nonce } }, now, random)
      }),
    search: {
      ...cluster,
      swim: lifeguard,
      faults: faults(["Crash"]),
      invariants: Invariant.membership({ within: "20 seconds" })
    },
    violates: "completeness",
    seeds: 15,
    faults: 1
  },
  {
    name: "an accuser confirms its own suspicion",
    mistake: "Accusations are counted, and not accusers: who reaches nobody is as sure of it as if all said the same.",
    plant: () => {
      let accusations = 0
      return Plant.method(Suspicions.prototype, "confirm", (confirm) =>
        function(this: Suspicions, entry, from) {
          return confirm.call(this, entry, `${from}, ${++accusations}`)
        })()
    },
    search: {
      ...cluster,
      swim: lifeguard,
      faults: lonely,
      invariants: [Invariants.minoritiesDeclareNobody],
      settle: "1 second"
    },
    violates: "a minority declares nobody dead",
    seeds: 30,
    faults: 1
  },

  // Heartbeat
  {
    name: "a heart beats on in the incarnation in which it is dead",
    mistake: "A node that is told that it is dead takes it for news of an earlier heartbeat, and does not refute it.",
    plant: Plant.method(HeartbeatCore.prototype, "outdo", (outdo) =>
      function(this: HeartbeatCore, theirs) {
        outdo.call(this, { ...theirs, status: theirs.status === "Dead" ? "Alive" : theirs.status })
      }),
    search: { ...cluster, protocol: heartbeat, faults: faults(["Pause", "Partition"]), invariants: membership },
    violates: "accuracy",
    seeds: 15,
    faults: 1
  },

  // ClusterBus
  {
    name: "half of the voters are a majority",
    mistake:
      "Of an even number one too few is asked for: of a cluster that is cut in halves, each declares the other FAIL.",
    plant: Plant.getter(BusCore.prototype, "majority", function(this: BusCore) {
      return Math.ceil(this.quorum.voters / 2)
    }),
    search: {
      ...cluster,
      protocol: clusterBus,
      faults: splits,
      invariants: [Invariants.minoritiesDeclareNobody],
      settle: "1 second"
    },
    violates: "a minority declares nobody dead",
    seeds: 30,
    faults: 1
  },

  // tombstones
  {
    name: "the dead are forgotten on the spot",
    mistake: "Without a tombstone, the first who has not heard of the death brings the dead back.",
    plant: Plant.method(View.prototype, "adopt", (adopt) =>
      function(this: View<never>, claim, age, encoded) {
        adopt.call(this, claim, age, encoded)
        const entry = this.table.get(keyOf(claim))
        if (entry?.state.status === "Dead") this.table.remove(entry)
      }),
    search: {
      ...cluster,
      swim: fast,
      faults: faults(["Crash", "Partition"], { maxFaults: 5 }),
      invariants: [Invariant.standings],
      settle: "3 seconds"
    },
    violates: "standings never go back",
    seeds: 40,
    faults: 3
  },
  {
    name: "those who left are forgotten on the spot",
    mistake: "Who was cut off while someone left still thinks it alive, and tells the others, who know nothing better.",
    plant: Plant.method(View.prototype, "adopt", (adopt) =>
      function(this: View<never>, claim, age, encoded) {
        adopt.call(this, claim, age, encoded)
        const entry = this.table.get(keyOf(claim))
        if (entry?.state.status === "Left") this.table.remove(entry)
      }),
    search: {
      ...cluster,
      swim: patient,
      faults: faults(["Partition"], { spare: ["n3"], from: "2 seconds", longest: "2 seconds" }),
      invariants: [Invariant.standings],
      program: (simulation) => Effect.andThen(simulation.advance("3 seconds"), simulation.stop("n3")),
      settle: "2 seconds"
    },
    violates: "standings never go back",
    seeds: 30,
    faults: 2
  },
  {
    name: "tombstones stay for ever",
    mistake: "The timer that forgets the gone is not set again: each is listed, and tried, for ever.",
    plant: Plant.method(View.prototype, "wake", (wake) =>
      function(this: View<never>, delay, timer) {
        if (timer._tag !== "Reap" || this.now === this.birth.now) wake.call(this, delay, timer)
      }),
    search: {
      ...cluster,
      swim: { ...fast, deadRetention: "3 seconds" },
      faults: faults(["Crash", "Pause"]),
      invariants: [Invariant.forgetting(6000)],
      settle: "8 seconds"
    },
    violates: "the gone are forgotten",
    seeds: 30,
    faults: 1
  },
  {
    name: "a leave is said in the incarnation of one's birth",
    mistake: "Who has ever refuted leaves in an incarnation that is long past, and is missed instead.",
    plant: Plant.method(View.prototype, "sayLeft", (sayLeft) =>
      function(this: View<never>, _incarnation) {
        sayLeft.call(this, Math.floor(this.birth.wallClock))
      }),
    search: {
      ...cluster,
      swim: fast,
      faults: faults(["Pause"], { within: "2 seconds", longest: "1 second" }),
      invariants: [Invariants.leaversHaveLeft("3 seconds")],
      program: (simulation) => Effect.andThen(simulation.advance("5 seconds"), simulation.stop("n3"))
    },
    violates: "who left is known to have left",
    seeds: 35,
    faults: 1
  },

  // dissemination
  {
    name: "a retransmit limit of 0",
    mistake:
      "Gossip tells nothing. Probes show that tables differ, and a sync then tells it all: news come late, and are not lost.",
    plant: Plant.method(Broadcasts.prototype, "take", () =>
      function(this: Broadcasts) {
        // each has been sent often enough before it was sent at all
        this.clear("")
        return []
      }),
    search: restarts,
    violates: "convergence",
    seeds: 5,
    faults: 0
  },
  {
    name: "tables of the same members have the same hash",
    mistake:
      "The hash leaves out incarnations: who missed news of someone who is there shows no difference, and is not told.",
    plant: Plant.getter(MemberTable.prototype, "hash", function(this: MemberTable) {
      return this.live.reduce((sum, { keyHash }) => (sum + keyHash) >>> 0, 0)
    }),
    search: {
      ...cluster,
      swim: slowProbes,
      faults: faults(["Partition"], { longest: "2 seconds" }),
      invariants: [Invariant.convergence({ within: "12 seconds" })],
      program: (simulation) =>
        Effect.gen(function*() {
          yield* simulation.advance("1500 millis")
          for (const name of simulation.running()) {
            yield* simulation.advance("500 millis")
            yield* simulation.on(name, Membership.use(({ setMetadata }) => setMetadata(Invariants.metadataOf(name))))
          }
        })
    },
    violates: "convergence",
    seeds: 50,
    faults: 2
  },
  {
    name: "a datagram is filled as if it had no header",
    mistake:
      "What is passed on may be as large as a whole datagram: now and then one is too large by a few bytes, and lost.",
    plant: Plant.method(SwimMachine.prototype, "piggyback", (piggyback) =>
      function(this: SwimMachine, room, to) {
        return piggyback.call(this, room + headerSize, to)
      }),
    search: {
      ...cluster,
      swim: fast,
      // three claims and a probe, or its ack, come to what a datagram holds, and to a few bytes more
      gossip: (_, index) => ({ seeds: ["n0", "n1"], metadata: new Uint8Array(419 + index % 3) }),
      faults: faults(["Pause", "Crash", "Partition"]),
      invariants: [Invariant.datagramSize()],
      settle: "2 seconds"
    },
    violates: "no datagram is too large",
    seeds: 10,
    faults: 0
  },

  // deduplication
  {
    name: "a dedup window of 1",
    mistake: "Two claims that take turns are new each time: every copy that an epidemic brings is handled.",
    plant: () => {
      const last = new WeakMap<Seen, number>()
      return Plant.all(
        Plant.method(Seen.prototype, "add", () =>
          function(this: Seen, fingerprint) {
            last.set(this, fingerprint)
          }),
        Plant.method(Seen.prototype, "has", () =>
          function(this: Seen, fingerprint) {
            return last.get(this) === fingerprint
          })
      )()
    },
    search: {
      ...cluster,
      swim: fast,
      faults: faults(["Crash"]),
      invariants: [Invariants.claimsAreHandledOnce],
      settle: "1 second"
    },
    violates: "claims are handled once",
    seeds: 5,
    faults: 0
  },
  {
    name: "fingerprints leave out the end of a message",
    mistake: "Claims about one member that differ in what comes last are taken for copies: later ones are not heard.",
    plant: Plant.method(Seen.prototype, "fingerprint", (fingerprint) =>
      function(this: Seen, bytes, start, end) {
        return fingerprint.call(this, bytes, start, Math.min(end, start + 16))
      }),
    search: restarts,
    violates: "convergence",
    seeds: 35,
    faults: 1
  },

  // probing
  {
    name: "a relay answers for whom it was to probe",
    mistake:
      "Who is asked to probe another acks the request itself, and the one who asked counts that: nobody is missed.",
    plant: Plant.method(SwimMachine.prototype, "step", (step) =>
      function(this: SwimMachine, input, now, random) {
        const outputs = step.call(this, input, now, random)
        if (input._tag !== "Received" || input.message._tag !== "PingRequest") return outputs
        return [...outputs, { _tag: "Send", to: input.from, message: { _tag: "Ack", nonce: input.message.nonce } }]
      }),
    search: downs,
    violates: "completeness",
    seeds: 30,
    faults: 1
  },
  {
    name: "a relay keeps the ack to itself",
    mistake: "Who probes for another does not pass the ack on: two who cannot reach each other suspect each other.",
    plant: Plant.method(SwimMachine.prototype, "step", (step) =>
      function(this: SwimMachine, input, now, random) {
        const outputs = step.call(this, input, now, random)
        if (input._tag !== "Received" || input.message._tag !== "Ack") return outputs
        return outputs.filter((output) => output._tag !== "Send" || output.message._tag !== "Ack")
      }),
    search: {
      ...cluster,
      swim: fast,
      faults: brokenPairs,
      invariants: [Invariants.noSuspicion],
      settle: "1 second"
    },
    violates: "nobody is suspected",
    seeds: 15,
    faults: 1
  },

  // syncs
  {
    name: "a sync believes deaths",
    mistake: "After a netsplit each side learns from the other that its own members are dead, and believes it.",
    plant: Plant.method(View.prototype, "hear", (hear) =>
      function(this: View<never>, claim, _via, encoded) {
        hear.call(this, claim, "gossip", encoded)
      }),
    search: {
      ...cluster,
      swim: { ...fast, reconnectInterval: "3 seconds" },
      faults: splits,
      invariants: [Invariants.onlyTheCutOffDie(500)],
      settle: "8 seconds"
    },
    violates: "only those die who were cut off",
    seeds: 40,
    faults: 1
  },
  {
    name: "the dead are not tried again",
    mistake: "The timer of reconnecting is not set again: sides of a netsplit that hold each other dead stay apart.",
    plant: Plant.method(Joining.prototype, "reconnect", () => () => {}),
    search: {
      ...cluster,
      swim: fast,
      faults: faults(["Partition"], { longest: "6 seconds" }),
      invariants: membership
    },
    violates: "accuracy",
    seeds: 20,
    faults: 2
  },

  // the end
  {
    name: "a fiber outlives its node",
    mistake: "The protocol's layer forks a fiber that belongs to nobody, in place of one that ends with the layer.",
    plant: {
      protocol: (sound) =>
        Layer.merge(sound, Layer.effectDiscard(Effect.forkDetach(Effect.forever(Effect.sleep("1 second")))))
    },
    search: { ...cluster, swim: fast, faults: faults(["Crash"]), invariants: membership },
    violates: "nodes leave nothing behind",
    seeds: 3,
    faults: 0
  }
]
