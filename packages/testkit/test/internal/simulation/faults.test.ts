import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Fault from "../../../src/Fault.ts"
import * as SimulatedNetwork from "../../../src/SimulatedNetwork.ts"
import * as Simulation from "../../../src/Simulation.ts"

const formed = (sim: Simulation.Simulation) => sim.until(sim.isAgreed, { atMost: "5 seconds" })

const statusOf = (sim: Simulation.Simulation, observer: string, of: string) =>
  Effect.map(sim.members(observer), (members) => members.find((member) => member.id === of)?.status)

describe("a fault", () => {
  it("begins when its time has come, and ends by itself", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.partition(["n2"], { at: "2 seconds", for: "3 seconds" }))
        const [a, , c] = sim.nodes.map(({ address }) => address)
        const cut: Array<boolean> = []
        for (let i = 0; i < 6; i++) {
          cut.push(!sim.network.isConnected(a!, c!))
          yield* sim.advance("1 second")
        }
        assert.deepStrictEqual(cut, [false, false, true, true, true, false])
      }))
  })

  it("ends when it is told to, or does not begin", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        const [a, b] = sim.nodes.map(({ address }) => address)
        const { end } = yield* sim.inject([
          Fault.partition(["n0"]),
          Fault.partition(["n1"], { at: "1 second" })
        ])
        assert.isFalse(sim.network.isConnected(a!, b!))
        yield* end
        assert.isTrue(sim.network.isConnected(a!, b!))
        yield* sim.advance("2 seconds")
        assert.isTrue(sim.network.isConnected(a!, b!))
      }))
  })

  it("is over when the simulation is healed", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject([
          Fault.partition(["n0"]),
          Fault.pause("n1"),
          Fault.link(["n0"], { loss: 1 }, { at: "1 second" })
        ])
        yield* sim.heal
        yield* sim.until(sim.isAgreed, { atMost: "35 seconds" })
      }))
  })

  it("keeps the time since the last one from counting as quiet", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.partition(["n1"], { at: "1 second", for: "2 seconds" }))
        yield* sim.advance("900 millis")
        assert.strictEqual(sim.quietFor(), 900)
        yield* sim.advance("1 second")
        assert.strictEqual(sim.quietFor(), 0)
        yield* sim.advance("3 seconds")
        assert.strictEqual(sim.quietFor(), 1900)
        yield* sim.crash("n1")
        assert.strictEqual(sim.quietFor(), 0)
        yield* sim.advance("1 second")
        assert.strictEqual(sim.quietFor(), 1000)
      }))
  })

  it("that cannot be is refused, and nothing happens", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        const refused = (fault: unknown) =>
          Effect.map(Effect.flip(sim.inject(fault as Fault.Fault)), (error) => error.reason._tag)
        assert.strictEqual(yield* refused(Fault.pause("nobody")), "UnknownNode")
        assert.strictEqual(yield* refused([Fault.crash("n0"), { _tag: "Flood", at: 0 }]), "InvalidFault")
        assert.strictEqual(yield* refused(Fault.link(["n0"], { loss: 2 })), "InvalidFault")
        assert.strictEqual(yield* refused(Fault.clockDrift("n0", 0)), "InvalidFault")
        assert.strictEqual(yield* refused(Fault.partition([])), "InvalidFault")
        assert.deepStrictEqual(sim.running(), ["n0", "n1"])
      }))
  })
})

describe("a crash", () => {
  it("lasts as long as it says, and brings another process of the node", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        yield* formed(sim)
        yield* sim.inject(Fault.crash("n1", { for: "20 seconds" }))
        assert.deepStrictEqual(sim.running(), ["n0", "n2"])
        yield* sim.advance("19 seconds")
        assert.strictEqual(yield* statusOf(sim, "n0", "n1"), "Dead")
        yield* sim.advance("1 second")
        assert.deepStrictEqual(sim.running(), ["n0", "n1", "n2"])
        assert.strictEqual(sim.lifeOf("n1"), 2)
        yield* formed(sim)
      }))
  })

  it("leaves a node alone that is down already", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject([Fault.crash("n1"), Fault.crash("n1", { at: "1 second", for: "1 second" })])
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(sim.running(), ["n0"])
      }))
  })

  it("keeps the disk, unless that is lost", () => {
    Simulation.runUnsafe({ nodes: 1 }, (sim) =>
      Effect.gen(function*() {
        const write = sim.on("n0", KeyValueStore.KeyValueStore.use((store) => store.set("key", "value")))
        const read = sim.on("n0", KeyValueStore.KeyValueStore.use((store) => store.get("key")))
        yield* write
        yield* sim.inject(Fault.crash("n0", { for: "1 second" }))
        yield* sim.advance("1 second")
        assert.strictEqual(yield* read, "value")
        yield* sim.inject(Fault.crash("n0", { for: "1 second", disk: "lost" }))
        yield* sim.advance("1 second")
        assert.isUndefined(yield* read)
      }))
  })

  it("ends what runs in the node", () => {
    class Heart extends Context.Service<Heart, { readonly beats: () => number }>()("test/Heart") {}
    let beats = 0
    const layer = Layer.effect(
      Heart,
      Effect.gen(function*() {
        yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => beats++))))
        return { beats: () => beats }
      })
    )
    Simulation.runUnsafe({ nodes: 1, layer }, (sim) =>
      Effect.gen(function*() {
        yield* sim.advance("3500 millis")
        assert.strictEqual(beats, 3)
        yield* sim.crash("n0")
        yield* sim.advance("10 seconds")
        assert.strictEqual(beats, 3)
      }))
  })
})

describe("a stalled node", () => {
  it("does nothing, and then all it would have done", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        const woken: Array<number> = []
        yield* sim.on(
          "n1",
          Effect.forkScoped(
            Effect.forever(Effect.andThen(Effect.sleep("1 second"), Effect.sync(() => woken.push(sim.now()))))
          )
        )
        yield* sim.inject(Fault.pause("n1", { at: "1500 millis", for: "10 seconds" }))
        yield* sim.advance("13 seconds")
        assert.deepStrictEqual(woken, [1000, 11_500, 12_500])
      }))
  })

  it("is suspected, declared dead, and refutes when it goes on", () => {
    Simulation.runUnsafe({ nodes: 4 }, (sim) =>
      Effect.gen(function*() {
        yield* formed(sim)
        yield* sim.inject(Fault.pause("n2", { for: "30 seconds" }))
        yield* sim.advance("25 seconds")
        assert.strictEqual(yield* statusOf(sim, "n0", "n2"), "Dead")
        // it has not even noticed
        assert.strictEqual(yield* statusOf(sim, "n2", "n0"), "Alive")
        yield* sim.advance("5 seconds")
        yield* sim.until(sim.isAgreed, { atMost: "35 seconds" })
      }))
  })

  it("keeps whoever asks it for something waiting", () => {
    Simulation.runUnsafe({ nodes: 1 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.pause("n0", { for: "7 seconds" }))
        yield* sim.on("n0", Effect.void)
        assert.strictEqual(sim.now(), 7000)
      }))
  })

  it("that crashes comes back awake, though the stall would have lasted", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject([
          Fault.pause("n1", { for: "1 minute" }),
          Fault.crash("n1", { at: "5 seconds", for: "1 second" }),
          Fault.pause("n1", { at: "30 seconds", for: "1 minute" })
        ])
        yield* sim.advance("10 seconds")
        assert.isTrue(yield* sim.isAgreed)
        // the end of the first stall is not that of the second
        yield* sim.advance("55 seconds")
        const before = sim.now()
        yield* sim.on("n1", Effect.void)
        assert.strictEqual(sim.now() - before, 25_000)
      }))
  })
})

describe("a node's clock", () => {
  const times = Effect.all([
    Clock.currentTimeMillis,
    Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)
  ])

  it("is ahead of the others' after a jump, which its timers do not notice", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.clockJump("n1", "5 minutes", { at: "1 second" }))
        yield* sim.advance("2 seconds")
        const [wall, monotonic] = yield* sim.on("n0", times)
        const [ahead, same] = yield* sim.on("n1", times)
        assert.strictEqual(ahead - wall, 300_000)
        assert.strictEqual(same, monotonic)
        const before = sim.now()
        yield* sim.on("n1", Effect.sleep("10 seconds"))
        assert.strictEqual(sim.now() - before, 10_000)
      }))
  })

  it("drifts: its seconds are longer or shorter than others'", () => {
    Simulation.runUnsafe({ nodes: 1 }, (sim) =>
      Effect.gen(function*() {
        const [wall, monotonic] = yield* sim.on("n0", times)
        const start = sim.now()
        yield* sim.inject(Fault.clockDrift("n0", 2, { for: "10 seconds" }))
        yield* sim.on("n0", Effect.sleep("3 seconds"))
        assert.strictEqual(sim.now() - start, 1500)
        yield* sim.advance("18500 millis")
        const [later, after] = yield* sim.on("n0", times)
        // 10 s twice as fast, 10 s as ever
        assert.deepStrictEqual([later - wall, after - monotonic], [30_000, 30_000])
      }))
  })

  it("that is an hour wrong does not keep a node out", () => {
    Simulation.runUnsafe({ nodes: 4 }, (sim) =>
      Effect.gen(function*() {
        yield* formed(sim)
        yield* sim.inject([
          Fault.clockJump("n1", "1 hour"),
          Fault.clockJump("n2", "-1 hour"),
          Fault.crash("n2", { at: "1 second", for: "20 seconds" })
        ])
        yield* sim.advance("25 seconds")
        yield* sim.until(sim.isAgreed, { atMost: "30 seconds" })
      }))
  })
})

describe("a fault of links", () => {
  it("holds for the links it names, and only while it lasts", () => {
    Simulation.runUnsafe({ nodes: 3 }, (sim) =>
      Effect.gen(function*() {
        const lost: Array<string> = []
        yield* sim.observe((event) => {
          if (event._tag === "DatagramDropped") lost.push(`${event.from} ${event.to}`)
        })
        yield* formed(sim)
        yield* sim.inject(Fault.link(["n0"], { loss: 1 }, { to: ["n1"], for: "10 seconds" }))
        yield* sim.advance("10 seconds")
        const [a, b] = sim.nodes.map(({ address }) => address)
        assert.sameMembers([...new Set(lost)], [`${a} ${b}`, `${b} ${a}`])
        lost.length = 0
        yield* sim.advance("10 seconds")
        assert.deepStrictEqual(lost, [])
      }))
  })

  it("that passes one way lets what comes back through", () => {
    Simulation.runUnsafe({ nodes: 2 }, (sim) =>
      Effect.gen(function*() {
        yield* sim.inject(Fault.oneWayPartition(["n0"], ["n1"]))
        const [a, b] = sim.nodes.map(({ address }) => address)
        assert.isFalse(sim.network.isConnected(a!, b!))
        assert.isTrue(sim.network.isConnected(b!, a!))
      }))
  })
})

describe("a fault of a disk", () => {
  it("fails its writes for as long as it lasts", () => {
    Simulation.runUnsafe({ nodes: 1 }, (sim) =>
      Effect.gen(function*() {
        const write = sim.on("n0", Effect.exit(KeyValueStore.KeyValueStore.use((store) => store.set("key", "value"))))
        yield* sim.inject(Fault.disk("n0", { for: "5 seconds" }))
        assert.strictEqual((yield* write)._tag, "Failure")
        yield* sim.advance("5 seconds")
        assert.strictEqual((yield* write)._tag, "Success")
      }))
  })
})

describe("faults under Effect's test clock", () => {
  it.effect("come and go as they do in virtual time", () =>
    Effect.gen(function*() {
      const sim = yield* Simulation.make({ nodes: 3 })
      yield* sim.until(sim.isAgreed, { atMost: "5 seconds" })
      yield* sim.inject([
        Fault.pause("n1", { at: "1 second", for: "5 seconds" }),
        Fault.crash("n2", { at: "2 seconds", for: "20 seconds" })
      ])
      yield* sim.advance("3 seconds")
      const before = sim.now()
      yield* sim.on("n1", Effect.void)
      assert.isAtLeast(sim.now() - before, 3000)
      yield* sim.advance("20 seconds")
      yield* sim.until(sim.isAgreed, { atMost: "35 seconds" })
    }).pipe(Effect.provide(SimulatedNetwork.layer())))
})
