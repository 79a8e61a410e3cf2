import { assert, describe, it } from "@effect/vitest"
import { addressOf, Lab, peer, run, settle, wallClock } from "./harness.ts"

const answerOf = (index: number, claims = [peer(index).alive]) =>
  ({ _tag: "SyncResponse", id: `n${index}`, address: addressOf(index), table: 1, claims }) as const

describe("a node with seeds", () => {
  it("asks each of them at once, its own address left out, and tells all it knows", () => {
    const lab = new Lab({ seeds: [0, 1, 2].map(addressOf) })
    assert.deepStrictEqual(lab.exchanges.map(({ to }) => to), [addressOf(1), addressOf(2)])
    for (const { message } of lab.exchanges) {
      assert(message._tag === "SyncRequest")
      assert.deepStrictEqual(message.claims?.map((claim) => claim.id), ["n0"])
    }
    assert.strictEqual(lab.count("syncs join"), 2)
  })

  it("has joined with the first answer, and says so once", () => {
    const lab = new Lab({ seeds: [1, 2].map(addressOf) })
    const [first, second] = lab.exchanges
    lab.answer(first!.exchange, undefined, "it cannot be reached")
    lab.answer(second!.exchange, answerOf(2))
    assert.deepStrictEqual(lab.logs.slice(1), [`Info: joined the cluster through ${addressOf(2)}: 2 live members`])
    assert.strictEqual(lab.statusOf(2), "Alive")
    lab.advance(5000)
    assert.strictEqual(lab.count("syncs join"), 2)
  })

  it("tries again when none answers, at first after 1 s and then less often, and says why", () => {
    const lab = new Lab({ seeds: [1, 2].map(addressOf) })
    const waits: Array<number> = []
    for (let i = 0; i < 9; i++) {
      const [first, second] = lab.exchanges.splice(0)
      lab.answer(first!.exchange, undefined, "it cannot be reached")
      lab.answer(second!.exchange, undefined, "it did not answer in time")
      const warning = lab.logs.at(-1)!
      const match =
        /^Warn: no seed answered, trying again in ([0-9.]+) s: 10\.0\.0\.1:7946 \(it cannot be reached\), 10\.0\.0\.2:7946 \(it did not answer in time\)$/
          .exec(warning)
      assert.isNotNull(match, warning)
      const start = lab.now
      // only its own tries: the timer of reconnecting asks seeds as well
      while (lab.exchanges.filter(({ message: _ }) => true).length < 2) {
        lab.exchanges = []
        lab.advance(10)
      }
      waits.push((lab.now - start) / 1000)
      assert.closeTo(waits[i]!, Number(match![1]), 0.1)
    }
    waits.forEach((wait, i) => {
      const base = Math.min(30, 2 ** i)
      assert.isAtLeast(wait, 0.5 * base)
      assert.isAtMost(wait, 1.5 * base + 0.02)
    })
  })

  it("does not try again once it has a peer, whoever told of it", () => {
    const lab = new Lab({ seeds: [1, 2].map(addressOf) })
    for (const { exchange } of lab.exchanges.splice(0)) lab.answer(exchange, undefined, "no")
    lab.receive(peer(3).alive)
    lab.advance(3000)
    assert.strictEqual(lab.count("syncs join"), 2)
  })

  it("passes over a seed that turns out to be itself: it neither joins nor fails", () => {
    const lab = new Lab({ seeds: [addressOf(1)] })
    lab.answer(lab.exchanges[0]!.exchange, answerOf(0))
    lab.advance(10_000)
    assert.deepStrictEqual(lab.logs, [])
    assert.strictEqual(lab.count("syncs join"), 1)
    assert.strictEqual(lab.count("syncs reconnect"), 0)
  })

  it("does not take an answer of another kind for one", () => {
    const lab = new Lab({ seeds: [addressOf(1)] })
    lab.answer(lab.exchanges[0]!.exchange, peer(1).alive)
    assert.match(lab.logs.at(-1)!, /^Warn: no seed answered.*answered with Alive/)
  })

  it("that are all its own address waits to be joined", () => {
    const lab = new Lab({ seeds: [addressOf(0)] })
    lab.advance(60_000)
    assert.deepStrictEqual(lab.exchanges, [])
    assert.deepStrictEqual(lab.logs, [])
  })
})

describe("the command to join", () => {
  it("is done with the first answer", () => {
    const lab = new Lab()
    const completion = lab.command({ _tag: "Join", seeds: [1, 2].map(addressOf) })
    assert.isUndefined(lab.resultOf(completion))
    lab.answer(lab.exchanges[1]!.exchange, answerOf(2))
    assert.deepStrictEqual(lab.resultOf(completion), { _tag: "Done" })
    lab.answer(lab.exchanges[0]!.exchange, answerOf(1))
    assert.strictEqual(lab.completed.length, 1)
  })

  it("fails when all have failed, with why, and is not tried again", () => {
    const lab = new Lab()
    const completion = lab.command({ _tag: "Join", seeds: [1, 2].map(addressOf) })
    const [first, second] = lab.exchanges.splice(0)
    lab.answer(first!.exchange, undefined, "one")
    assert.isUndefined(lab.resultOf(completion))
    lab.answer(second!.exchange, undefined, "two")
    assert.deepStrictEqual(lab.resultOf(completion), {
      _tag: "NoSeedAnswered",
      failures: [{ seed: addressOf(1), problem: "one" }, { seed: addressOf(2), problem: "two" }]
    })
    lab.advance(10_000)
    assert.deepStrictEqual(lab.exchanges, [])
  })

  it("through itself alone is done at once", () => {
    const lab = new Lab()
    assert.deepStrictEqual(lab.resultOf(lab.command({ _tag: "Join", seeds: [addressOf(0)] })), { _tag: "Done" })
  })
})

describe("nodes", () => {
  it("know each other once one has joined through the other", () => {
    const [a, b] = [new Lab({ index: 1 }), new Lab({ index: 2, seeds: [addressOf(1)] })]
    settle(a, b)
    for (const lab of [a, b]) assert.deepStrictEqual([lab.statusOf(1), lab.statusOf(2)], ["Alive", "Alive"])
    assert.strictEqual(a.machine.tableHash, b.machine.tableHash)
  })

  it("that join through one seed are known to all in seconds, and stay so", () => {
    const labs = Array.from({ length: 12 }, (_, i) => new Lab({ index: i + 1, seeds: [addressOf(1)] }))
    run(labs, 3000)
    const hashes = () => new Set(labs.map((lab) => lab.machine.tableHash))
    assert.strictEqual(hashes().size, 1)
    for (const lab of labs) {
      assert.strictEqual(lab.machine.members().filter((member) => member.status === "Alive").length, 12)
      lab.clear()
    }
    run(labs, 20_000)
    assert.strictEqual(hashes().size, 1)
    for (const lab of labs) assert.deepStrictEqual(lab.eventTags, [])
  })
})

describe("a node whose clock is wrong", () => {
  const day = 24 * 60 * 60 * 1000

  it("by years of the past has not joined, says why with both clocks, and joins once that is set right", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, seeds: [seed.address], wallClock: 1000 })
    run([seed, lab], 10_000)
    assert.strictEqual(lab.machine.members().length, 1)
    assert.isTrue(
      lab.logs.some((line) =>
        /^Warn: no seed answered, trying again in .+: 10\.0\.0\.0:7946 \(it is of 2023-11-14T22:13:20Z, and this node's clock shows 1970-01-01T00:00:\d\dZ: /
          .test(line)
      ),
      lab.logs.join("\n")
    )
    lab.step({ _tag: "ClockSet", wallClock })
    run([seed, lab], 60_000)
    assert.strictEqual(lab.statusOf(0), "Alive")
    assert.strictEqual(seed.statusOf(1), "Alive")
  })

  it("by years to come is told that it is not believed, and knows of nobody, as nobody does of it", () => {
    const seed = new Lab()
    const lab = new Lab({ index: 1, seeds: [seed.address], wallClock: wallClock + 400 * day })
    run([seed, lab], 10_000)
    assert.strictEqual(lab.machine.members().length, 1)
    assert.strictEqual(seed.machine.members().length, 1)
    assert.isTrue(
      lab.logs.some((line) =>
        /\(its clock shows 2023-11-14T\S+Z, and this node is of 2024-12-18T22:13:20Z: it does not believe this node/
          .test(line)
      ),
      lab.logs.join("\n")
    )
    assert.match(
      seed.logs.join("\n"),
      /a claim about n1 .+ of 2024-12-18T22:13:20Z, is 400 days ahead of this node's clock/
    )
  })

  it("is no reason to ask anyone else less", () => {
    const seed = new Lab()
    const other = new Lab({ index: 2, seeds: [seed.address] })
    const wrong = new Lab({ index: 3, wallClock: wallClock + 400 * day })
    const lab = new Lab({ index: 1, seeds: [wrong.address, seed.address] })
    run([seed, other, wrong, lab], 10_000)
    assert.deepStrictEqual(lab.machine.members().map(({ id }) => id).sort(), ["n0", "n1", "n2"])
  })
})
