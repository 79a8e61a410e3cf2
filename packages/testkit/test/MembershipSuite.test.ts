import { MembershipProtocol } from "@effect-gossip/core/membership/MembershipProtocol"
import * as Swim from "@effect-gossip/core/membership/Swim"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Case, cases } from "../src/internal/membershipSuite/cases.ts"
import type * as MembershipSuite from "../src/MembershipSuite.ts"

// -----------------------------------------------------------------------------
// cripples
// -----------------------------------------------------------------------------

type Make = ReturnType<MembershipProtocol>["make"]
type Machine = ReturnType<Make>
type Birth = Parameters<Make>[0]
type Input = Parameters<Machine["step"]>[0]
type Output = ReturnType<Machine["step"]>[number]
type Message = Extract<Input, { readonly _tag: "Received" }>["message"]

/** Swim, of which every machine is made in another way. */
const swimWith = (make: (make: Make, birth: Birth) => Machine) =>
  Layer.effect(
    MembershipProtocol,
    Effect.map(MembershipProtocol, (swim): MembershipProtocol => (options) => {
      const protocol = swim(options)
      return { ...protocol, make: (birth) => make(protocol.make, birth) }
    })
  )

/** A machine with some of its parts replaced. */
const altered = (machine: Machine, parts: (machine: Machine) => Partial<Machine>): Machine => ({
  get self() {
    return machine.self
  },
  get hasLeft() {
    return machine.hasLeft
  },
  members: () => machine.members(),
  member: (id) => machine.member(id),
  claims: () => machine.claims(),
  step: (input, now, random) => machine.step(input, now, random),
  piggyback: (room, to) => machine.piggyback(room, to),
  farewell: (now, random) => machine.farewell(now, random),
  ...parts(machine)
})

const alteredSwim = (parts: (machine: Machine, birth: Birth) => Partial<Machine>) =>
  swimWith((make, birth) => altered(make(birth), (machine) => parts(machine, birth)))

interface Claim {
  readonly _tag: Message["_tag"]
  readonly id: string
  readonly metadata?: Uint8Array
}

/** Swim that does not take in some claims, whichever way they come. */
const deafSwim = (isHeard: (claim: Claim, birth: Birth) => boolean) => {
  const heard = (message: Message, birth: Birth): Message =>
    "claims" in message && message.claims !== undefined
      ? { ...message, claims: message.claims.filter((claim) => isHeard(claim, birth)) }
      : message
  const filtered = (input: Input, birth: Birth): Input | undefined => {
    switch (input._tag) {
      case "Received": {
        const { message } = input
        return "incarnation" in message && !isHeard(message, birth) ? undefined : input
      }
      case "Requested":
        return { ...input, message: heard(input.message, birth) }
      case "Answered":
        return input.answer === undefined ? input : { ...input, answer: heard(input.answer, birth) }
      default:
        return input
    }
  }
  return alteredSwim((machine, birth) => ({
    step: (input, now, random) => {
      const left = filtered(input, birth)
      return left === undefined ? [] : machine.step(left, now, random)
    }
  }))
}

/** Swim of which some outputs come out differently, or not at all. */
const distortedSwim = (distort: (output: Output) => ReadonlyArray<Output>) =>
  alteredSwim((machine) => ({ step: (input, now, random) => machine.step(input, now, random).flatMap(distort) }))

const silentOn = (event: string) =>
  distortedSwim((output) => output._tag === "Happened" && output.event._tag === event ? [] : [output])

// -----------------------------------------------------------------------------
// running the suite
// -----------------------------------------------------------------------------

/** The test of a name, for the first size on the first network. */
const named = (options: MembershipSuite.Options, name: string): Case => {
  const found = cases(options).find((test) => test.name === name)
  assert(found !== undefined, `there is no test "${name}"`)
  return found
}

const problemOf = (options: MembershipSuite.Options, name: string): string | undefined => {
  try {
    named(options, name).run()
    return undefined
  } catch (error) {
    assert(error instanceof Error)
    return error.message
  }
}

const faults: ReadonlyArray<{
  readonly what: string
  readonly options: MembershipSuite.Options
  /** The test that finds it, and what that says. */
  readonly test: string
  readonly says: RegExp
}> = [
  {
    what: "never refutes",
    options: { protocol: deafSwim((claim, birth) => claim.id !== birth.id) },
    test: "a node that hears of its own death refutes it",
    says: /n4 is to be alive again in an incarnation above \d+ within 2m, but n\d sees n4 as Dead/
  },
  {
    what: "never refutes what was said of it while it stalled",
    options: { protocol: deafSwim((claim, birth) => claim.id !== birth.id) },
    test: "a node that stalls for longer than any timeout is missed, and is back when it goes on",
    says: /all are to agree who is there within 2m, but n0 sees n4.* as Dead/
  },
  {
    what: "does not hear of leaves",
    options: { protocol: deafSwim((claim) => claim._tag !== "Left") },
    test: "a node that closes has left to all, and is never dead",
    says: /n4 is to have left within 3s, but n0 sees n4 as (Alive|Suspect)/
  },
  {
    what: "does not hear of metadata",
    options: { protocol: deafSwim((claim) => claim.metadata === undefined) },
    test: "metadata that are set reach all, and nobody goes back to older ones",
    says: /n1's metadata are to be known within 3s, but n0 sees n1/
  },
  {
    what: "takes longer than its bound to notice a crash",
    options: { protocol: Swim.layer(), bounds: { crashed: "2 seconds" } },
    test: "a crashed node is dead to all, and nobody else is",
    says: /n4 is to be dead within 2s, but n\d sees n4 as (Alive|Suspect)/
  },
  {
    what: "takes the slow for dead",
    options: {
      protocol: Swim.layer({ probeInterval: "20 millis", probeTimeout: "5 millis", suspicionMultiplier: 1 }),
      links: { "a slow network": { latency: "40 millis" } }
    },
    test: "nobody is missed while nothing fails",
    says: /agree who is there|of a node that was there/
  },
  {
    what: "never tries the dead again",
    options: { protocol: Swim.layer({ reconnectInterval: "24 hours" }) },
    test: "a network cut in halves for longer than any timeout heals by itself",
    says: /all are to agree who is there within 2m, but n\d sees n\d.* as Dead/
  },
  {
    what: "declares death as a minority, though it says that it does not",
    options: { protocol: Swim.layer(), minorityDeclaresDeath: false },
    test: "a majority declares those dead whom it does not reach, and a minority nobody",
    says: /was told Died of a node that was there/
  },
  {
    what: "declares death as one half, though it says that it does not",
    options: { protocol: Swim.layer(), minorityDeclaresDeath: false },
    test: "a network cut in halves for longer than any timeout heals by itself",
    says: /was told Died of a node that was there/
  },
  {
    what: "declares nobody dead where it is a minority, though it says that it does",
    options: { protocol: deafSwim((claim) => claim._tag !== "Dead"), bounds: { crashed: "5 seconds" } },
    test: "either side of a partition holds the other for dead",
    says: /the majority to the minority within 5s/
  },
  {
    what: "does not report conflicts",
    options: { protocol: silentOn("Conflict") },
    test: "two nodes that claim one name are reported as a conflict, to all",
    says: /all are to be told that two claim n1 within 5s, but n0 was not/
  },
  {
    what: "gives a name to whoever claims the older life",
    options: {
      protocol: swimWith((make, birth) =>
        make(birth.address === "10.0.0.5:7946" ? { ...birth, wallClock: birth.wallClock - 60_000 } : birth)
      )
    },
    test: "whoever had a name first keeps it, and each of those who claim it knows itself",
    says: /was told Joined of n1/
  },
  {
    what: "does not tell of new metadata and lives",
    options: { protocol: silentOn("Updated") },
    test: "under churn, changes tell at every node what its members are",
    says: /n\d sees n\d as Alive .* but was told/
  },
  {
    what: "tells of deaths too late to be followed",
    options: { protocol: silentOn("Died") },
    test: "under churn, each event can follow those before it",
    says: /n\d was told Joined of n\d/
  },
  {
    what: "shows an earlier incarnation now and then",
    options: {
      protocol: alteredSwim((machine) => {
        let calls = 0
        return {
          members: () => {
            const isOdd = calls++ % 2 === 1
            return machine.members().map((member) =>
              isOdd && member.status === "Dead" ? { ...member, incarnation: member.incarnation - 1 } : member
            )
          }
        }
      })
    },
    test: "under churn, no member's incarnation goes back in any view",
    says: /n\d saw n\d at 10\.0\.0\.\d:7946 in \d+, and then in \d+/
  },
  {
    what: "joins where nobody answers",
    options: {
      protocol: distortedSwim((output) =>
        output._tag === "Completed" && output.result._tag === "NoSeedAnswered"
          ? [{ ...output, result: { _tag: "Done" } }]
          : [output]
      )
    },
    test: "joining through seeds that do not answer fails with NoSeedAnswered, and the node runs on",
    says: /n4 was to fail, but succeeded/
  },
  {
    what: "does not come back after it has left",
    options: {
      protocol: alteredSwim((machine) => ({
        step: (input, now, random) =>
          machine.hasLeft && input._tag === "Commanded" && input.command._tag === "Join"
            ? [{ _tag: "Completed", completion: input.completion, result: { _tag: "Done" } }]
            : machine.step(input, now, random)
      }))
    },
    test: "a node that has left comes back when it joins, with what it was told to say meanwhile",
    says: /all are to agree who is there within 5s, but/
  },
  {
    what: "packs more into a datagram than fits",
    options: {
      protocol: alteredSwim((machine) => ({ piggyback: (room, to) => machine.piggyback(room + 2000, to) }))
    },
    test: "no datagram is above the transport's limit, however long names and metadata are",
    says: /TooLarge at n+\d/
  },
  {
    what: "throws, and is restarted",
    options: {
      protocol: alteredSwim((machine, birth) => ({
        step: (input, now, random) => {
          if (birth.id === "n1" && birth.restarts === 0 && now - birth.now > 10_000) {
            throw new Error("thrown, as the test wants")
          }
          return machine.step(input, now, random)
        }
      }))
    },
    test: "nobody is missed while nothing fails",
    says: /restarts of n1 after a defect/
  }
]

describe("MembershipSuite", () => {
  for (const { options, says, test, what } of faults) {
    it(`finds a protocol that ${what}`, () => {
      const problem = problemOf(options, test)
      assert.isDefined(problem, `"${test}" passed`)
      assert.match(problem, says)
      // what it takes to see it again
      assert.match(problem, /\(seed 0, 5 nodes on [\w\s]+\)$/)
    })
  }

  for (
    const test of new Set(faults.filter(({ options }) => options.minorityDeclaresDeath !== false).map((f) => f.test))
  ) {
    it(`finds nothing in the same Swim unharmed: ${test}`, () => {
      assert.isUndefined(problemOf({ protocol: swimWith((make, birth) => altered(make(birth), () => ({}))) }, test))
    })
  }

  it("says the seed it was told, and the size", () => {
    const options = { protocol: Swim.layer(), bounds: { joined: 0 }, seed: "a seed", nodes: [6] }
    const problem = problemOf(options, "nodes that join through one seed agree who is there")
    assert.match(problem!, /\(seed "a seed", 6 nodes on a calm network\)$/)
  })

  it("has every test for each size on each network, and those of loss for each loss", () => {
    const all = cases({
      protocol: Swim.layer(),
      nodes: [4, 7],
      links: { "a calm network": {}, "a slow one": { latency: "20 millis" } },
      loss: [0.15]
    })
    const conditions = new Map<string, Array<string>>()
    for (const { condition, group, name } of all) {
      conditions.set(condition, [...conditions.get(condition) ?? [], `${group} ${name}`])
    }
    assert.deepStrictEqual([...conditions.keys()], [
      "4 nodes on a calm network",
      "4 nodes on a slow one",
      "4 nodes on a network that loses 15%",
      "7 nodes on a calm network",
      "7 nodes on a slow one",
      "7 nodes on a network that loses 15%"
    ])
    assert.deepStrictEqual(conditions.get("7 nodes on a slow one"), conditions.get("4 nodes on a calm network"))
    for (const names of conditions.values()) assert.strictEqual(new Set(names).size, names.length)
  })

  it("takes bounds by the size of the cluster", () => {
    const asked: Array<number> = []
    const options: MembershipSuite.Options = {
      protocol: Swim.layer(),
      nodes: [4, 9],
      bounds: (nodes) => (asked.push(nodes), { joined: nodes })
    }
    assert.match(problemOf(options, "nodes that join through one seed agree who is there")!, /within 4ms/)
    assert.deepStrictEqual(asked, [4, 9])
  })

  it("refuses clusters in which one crash and one leave leave no majority", () => {
    for (const nodes of [3, 4.5, 0]) {
      assert.throws(() => cases({ protocol: Swim.layer(), nodes: [nodes] }), RangeError, `received ${nodes}`)
    }
  })
})
