import { isLive, type Member, type Status } from "@effect-gossip/core/membership/Member"
import { Membership } from "@effect-gossip/core/membership/Membership"
import type { MembershipEvent } from "@effect-gossip/core/membership/MembershipEvent"
import * as Metadata from "@effect-gossip/core/membership/Metadata"
import * as Swim from "@effect-gossip/core/membership/Swim"
import * as SimulatedNetwork from "@effect-gossip/testkit/SimulatedNetwork"
import * as Simulation from "@effect-gossip/testkit/Simulation"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

type Sim = Simulation.Simulation

// every behaviour holds in virtual time and, with the same program, under Effect's own test clock
const behaviour = <E>(
  name: string,
  options: Simulation.Options,
  program: (sim: Sim) => Effect.Effect<void, E, Scope.Scope>
) => {
  it(`${name} (virtual time)`, () => Simulation.runUnsafe({ seed: name, ...options, atMost: "2 days" }, program))
  it.effect(`${name} (TestClock)`, () =>
    Effect.flatMap(Simulation.make({ seed: name, ...options }), program).pipe(
      Effect.provide(SimulatedNetwork.layer({ seed: name, link: options.link }))
    ))
}

const find = (sim: Sim, observer: string, id: string) =>
  Effect.map(sim.members(observer), (members) => members.find((member) => member.id === id))

const statusOf = (sim: Sim, observer: string, id: string) =>
  Effect.map(find(sim, observer, id), (member) => member?.status)

const everyoneSees = (sim: Sim, id: string, status: Status) =>
  Effect.map(
    Effect.forEach(sim.running().filter((name) => name !== id), (name) => statusOf(sim, name, id)),
    (statuses) => statuses.every((seen) => seen === status)
  )

const agree = (sim: Sim) => sim.until(sim.isAgreed, { atMost: "5 seconds" })

/** Collects what a node's stream of changes says from now on. */
const watch = Effect.fnUntraced(function*(sim: Sim, name: string) {
  const seen: Array<MembershipEvent> = []
  const changes = yield* sim.on(name, Membership.useSync((membership) => membership.changes))
  yield* Effect.forkScoped(Stream.runForEach(changes, (event) => Effect.sync(() => seen.push(event))))
  yield* sim.advance("1 millis")
  return seen
})

const summary = (events: ReadonlyArray<MembershipEvent>) =>
  events.map((event) => `${event._tag} ${event._tag === "Conflict" ? event.id : event.member.id}`)

describe("Membership", () => {
  behaviour("nodes that join through one seed know each other", { nodes: 5 }, (sim) =>
    Effect.gen(function*() {
      const time = yield* agree(sim)
      assert.isAtMost(Duration.toMillis(time), 2000)
      const members = yield* sim.members("n3")
      assert.sameMembers(members.map((member) => member.id), ["n0", "n1", "n2", "n3", "n4"])
      const self = yield* sim.on("n3", Effect.flatMap(Membership, (membership) => membership.self))
      assert.strictEqual(self.id, "n3")
      assert.strictEqual(self.address, sim.nodes[3]!.address)
    }))

  behaviour(
    "a node that was started by a wrong clock joins once that is set right",
    { nodes: 3, start: false },
    (sim) =>
      Effect.gen(function*() {
        for (const name of ["n0", "n1"]) yield* sim.start(name)
        yield* agree(sim)
        const year = 365 * 24 * 60 * 60 * 1000
        const jump = (by: number) => sim.inject({ _tag: "ClockJump", at: 0, node: "n2", by })
        for (let i = 0; i < 2; i++) yield* jump(-year)
        yield* sim.advance("1 second")
        yield* sim.start("n2")
        yield* sim.advance("1 minute")
        assert.strictEqual((yield* sim.members("n2")).length, 1)
        for (let i = 0; i < 2; i++) yield* jump(year)
        yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
        assert.strictEqual((yield* sim.members("n2")).length, 3)
      })
  )

  behaviour("a crashed node is suspected, and then dead to all", { nodes: 4 }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const events = yield* watch(sim, "n1")
      yield* sim.crash("n2")
      yield* sim.until(everyoneSees(sim, "n2", "Dead"), { atMost: "12 seconds" })
      assert.includeMembers(summary(events), ["Suspected n2", "Died n2"])
      assert.isFalse(summary(events).some((event) => /^(Died|Left) n[013]/.test(event)))
    }))

  behaviour(
    "a node whose scope closes is seen to leave, and not to die",
    { nodes: 4 },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const events = yield* watch(sim, "n1")
        yield* sim.stop("n2")
        yield* sim.until(everyoneSees(sim, "n2", "Left"), { atMost: "2 seconds" })
        yield* sim.advance("20 seconds")
        assert.isTrue(yield* everyoneSees(sim, "n2", "Left"))
        assert.deepStrictEqual(summary(events).filter((event) => event.endsWith("n2")), ["Joined n2", "Left n2"])
      })
  )

  behaviour(
    "a node restarted before it was missed replaces its earlier life",
    { nodes: 4 },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const before = (yield* find(sim, "n1", "n2"))!
        yield* sim.crash("n2")
        yield* sim.advance("200 millis")
        yield* sim.start("n2")
        const isNewer = Effect.map(find(sim, "n1", "n2"), (member) => member!.incarnation > before.incarnation)
        yield* sim.until(isNewer, { atMost: "3 seconds" })
        const after = (yield* find(sim, "n1", "n2"))!
        assert.strictEqual(after.address, before.address)
        yield* sim.advance("30 seconds")
        assert.isTrue(yield* sim.isAgreed)
        assert.strictEqual((yield* find(sim, "n3", "n2"))!.incarnation, after.incarnation)
      })
  )

  behaviour(
    "a node that was dead comes back under a higher incarnation",
    { nodes: 4 },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        yield* sim.crash("n2")
        yield* sim.until(everyoneSees(sim, "n2", "Dead"), { atMost: "12 seconds" })
        const events = yield* watch(sim, "n1")
        yield* sim.start("n2")
        yield* agree(sim)
        assert.deepStrictEqual(summary(events).filter((event) => event.endsWith("n2")), ["Died n2", "Joined n2"])
      })
  )

  behaviour(
    "a node cut off for less than the suspicion timeout refutes",
    { nodes: 5 },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const events = yield* watch(sim, "n1")
        const cut = yield* sim.partition(["n2"])
        yield* sim.until(Effect.map(statusOf(sim, "n1", "n2"), (status) => status === "Suspect"), {
          atMost: "8 seconds"
        })
        yield* cut.heal
        yield* sim.until(sim.isAgreed, { atMost: "10 seconds" })
        assert.includeMembers(summary(events), ["Suspected n2", "Refuted n2"])
        assert.notInclude(summary(events), "Died n2")
      })
  )

  behaviour(
    "a partition heals by itself, also for those who know no seed on the other side",
    { nodes: 6 },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const cut = yield* sim.partition(["n3", "n4", "n5"])
        yield* sim.advance("1 minute")
        assert.strictEqual((yield* sim.members("n4")).filter(isLive).length, 3)
        yield* cut.heal
        yield* sim.until(sim.isAgreed, { atMost: "2 minutes" })
      })
  )

  behaviour("a partition longer than the dead are remembered heals through the seeds", {
    nodes: 4,
    protocol: Swim.layer({ deadRetention: "30 seconds" })
  }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const cut = yield* sim.partition(["n2", "n3"])
      yield* sim.advance("3 minutes")
      assert.sameMembers((yield* sim.members("n0")).map((member) => member.id), ["n0", "n1"])
      yield* cut.heal
      yield* sim.until(sim.isAgreed, { atMost: "2 minutes" })
    }))

  behaviour("the dead are reaped after their retention, and do not come back", {
    nodes: 5,
    protocol: Swim.layer({ deadRetention: "30 seconds" })
  }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const events = yield* watch(sim, "n1")
      yield* sim.crash("n2")
      yield* sim.until(everyoneSees(sim, "n2", "Dead"), { atMost: "15 seconds" })
      yield* sim.advance("35 seconds")
      for (const name of sim.running()) assert.isUndefined(yield* statusOf(sim, name, "n2"))
      assert.strictEqual(summary(events).at(-1), "Reaped n2")
      const last = events.length
      yield* sim.advance("3 minutes")
      assert.strictEqual(events.length, last)
    }))

  behaviour("a name claimed at two addresses is reported, and who was there first stays", {
    nodes: ["a", "b", "c"],
    start: false,
    gossip: (node) => node.name === "c" ? { name: "b" } : {}
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.start("a")
      yield* sim.start("b")
      yield* sim.advance("3 seconds")
      const events = yield* watch(sim, "a")
      yield* sim.start("c")
      yield* sim.advance("3 seconds")
      const conflict = events.find((event) => event._tag === "Conflict")
      assert.isDefined(conflict)
      assert.sameMembers([...conflict.addresses], [sim.nodes[1]!.address, sim.nodes[2]!.address])
      assert.strictEqual((yield* find(sim, "a", "b"))!.address, sim.nodes[1]!.address)
      // each of the two knows itself
      assert.strictEqual((yield* find(sim, "c", "b"))!.address, sim.nodes[2]!.address)
      // and when the first is gone, the second stands for the name
      yield* sim.crash("b")
      yield* sim.until(
        Effect.map(find(sim, "a", "b"), (member) => member?.address === sim.nodes[2]!.address),
        { atMost: "15 seconds" }
      )
    }))

  class Role extends Metadata.Service<Role>()("test/Role", {
    schema: Schema.Struct({ role: Schema.Literals(["web", "worker"]), zone: Schema.String })
  }) {}

  behaviour("what a node says of itself reaches all, typed", {
    nodes: 4,
    gossip: (node) => ({ metadata: Role.encode({ role: "web", zone: node.name }) })
  }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const roleOf = (observer: string, id: string) =>
        sim.on(
          observer,
          Effect.gen(function*() {
            const role = yield* Role
            const membership = yield* Membership
            return Option.flatMap(yield* membership.get(id), role.of)
          }).pipe(Effect.provide(Role.layer))
        )
      assert.deepStrictEqual(yield* roleOf("n3", "n1"), Option.some({ role: "web" as const, zone: "n1" }))
      yield* sim.on("n1", Effect.provide(Role.use((role) => role.set({ role: "worker", zone: "z" })), Role.layer)).pipe(
        Effect.forkScoped
      )
      yield* sim.advance("2 seconds")
      for (const name of sim.running()) {
        assert.deepStrictEqual(yield* roleOf(name, "n1"), Option.some({ role: "worker" as const, zone: "z" }))
      }
    }))

  behaviour("a node whose seeds do not answer keeps trying, and joins when one comes up", {
    nodes: 2,
    start: false
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.start("n1")
      yield* sim.advance("2 minutes")
      assert.strictEqual((yield* sim.members("n1")).length, 1)
      yield* sim.start("n0")
      yield* sim.until(sim.isAgreed, { atMost: "1 minute" })
    }))

  behaviour("joining names what is wrong", { nodes: 2 }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const join = (seeds: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkScoped(
            sim.on("n0", Effect.flip(Effect.flatMap(Membership, (membership) => membership.join(seeds))))
          )
          yield* sim.advance("30 seconds")
          const error = yield* Fiber.join(fiber)
          assert(error._tag === "MembershipError")
          return error
        })
      assert.strictEqual((yield* join([])).reason._tag, "NoSeeds")
      const invalid = yield* join(["nowhere"])
      assert.strictEqual(invalid.reason._tag, "InvalidSeed")
      assert.include(invalid.message, "nowhere")
      const unreachable = yield* join(["10.9.9.9:1"])
      assert.strictEqual(unreachable.reason._tag, "NoSeedAnswered")
      assert.include(unreachable.message, "10.9.9.9:1")
    }))

  behaviour("two clusters of one node each become one by a join", {
    nodes: 2,
    gossip: (node) => ({ seeds: [node.name] })
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("5 seconds")
      assert.strictEqual((yield* sim.members("n0")).length, 1)
      const join = sim.on("n0", Effect.flatMap(Membership, (membership) => membership.join([sim.nodes[1]!.address])))
      yield* Effect.forkScoped(join)
      yield* agree(sim)
    }))

  behaviour("a node that left can join again", { nodes: 3 }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      yield* Effect.forkScoped(sim.on("n2", Effect.flatMap(Membership, (membership) => membership.leave)))
      yield* sim.until(everyoneSees(sim, "n2", "Left"), { atMost: "3 seconds" })
      yield* sim.advance("5 seconds")
      assert.strictEqual(yield* statusOf(sim, "n2", "n2"), "Left")
      const join = sim.on("n2", Effect.flatMap(Membership, (membership) => membership.join([sim.nodes[0]!.address])))
      yield* Effect.forkScoped(join)
      yield* agree(sim)
      yield* sim.advance("30 seconds")
      assert.isTrue(yield* sim.isAgreed)
    }))

  behaviour("nodes of another cluster are not heard", {
    nodes: 4,
    gossip: (_, index) => ({ cluster: index % 2 === 0 ? "even" : "odd", seeds: ["n0", "n1"] })
  }, (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("10 seconds")
      assert.sameMembers((yield* sim.members("n0")).map((member) => member.id), ["n0", "n2"])
      assert.sameMembers((yield* sim.members("n1")).map((member) => member.id), ["n1", "n3"])
    }))

  behaviour("changes start with those present", { nodes: 3 }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      yield* sim.crash("n1")
      yield* sim.until(everyoneSees(sim, "n1", "Dead"), { atMost: "12 seconds" })
      const events = yield* watch(sim, "n0")
      assert.sameMembers(summary(events), ["Joined n0", "Died n1", "Joined n2"])
    }))

  behaviour("a consumer that falls behind gets the last event of each member", {
    nodes: 3,
    gossip: { changesCapacity: 4 }
  }, (sim) =>
    Effect.gen(function*() {
      yield* agree(sim)
      const changes = yield* sim.on("n0", Membership.useSync((membership) => membership.changes))
      const pull = yield* Stream.toPull(changes)
      yield* pull
      for (let i = 1; i <= 20; i++) {
        yield* Effect.forkScoped(
          sim.on("n1", Membership.use((membership) => membership.setMetadata(new Uint8Array([i]))))
        )
        yield* sim.advance("2 seconds")
      }
      const events = yield* pull
      assert.isAtMost(events.length, 4)
      const last = events.at(-1)!
      assert(last._tag === "Updated")
      assert.deepStrictEqual([...last.member.metadata], [20])
    }))

  behaviour(
    "a member's events are those of its own life, in order",
    { nodes: 3, link: { duplication: 0.5 } },
    (sim) =>
      Effect.gen(function*() {
        yield* agree(sim)
        const events = yield* watch(sim, "n0")
        for (let life = 0; life < 3; life++) {
          yield* sim.crash("n2")
          yield* sim.until(everyoneSees(sim, "n2", "Dead"), { atMost: "20 seconds" })
          yield* sim.start("n2")
          yield* agree(sim)
        }
        const own = events.filter((event) => event._tag !== "Conflict" && event.member.id === "n2")
        const members = own.map((event) => (event as { readonly member: Member }).member)
        const incarnations = members.map((member) => member.incarnation)
        assert.deepStrictEqual(incarnations, [...incarnations].sort((a, b) => a - b))
        assert.deepStrictEqual(
          own.map((event) => event._tag),
          ["Joined", ...Array.from({ length: 3 }, () => ["Suspected", "Died", "Joined"]).flat()]
        )
      })
  )
})

describe("Membership without a simulation", () => {
  it("is one service whatever protocol a layer provides", () => {
    assert.strictEqual(Context.isKey(Membership), true)
    assert.isTrue(Layer.isLayer(Swim.layer()))
  })
})
