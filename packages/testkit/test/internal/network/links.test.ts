import * as Address from "@effect-gossip/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Links from "../../../src/internal/network/links.ts"
import * as SimulatedNetwork from "../../../src/SimulatedNetwork.ts"

const addressOf = (index: number) =>
  Address.make({ host: `10.${index >> 16}.${(index >> 8) & 0xff}.${index & 0xff}`, port: 1 })

const baseOf = (options: Partial<SimulatedNetwork.Link>) =>
  Result.getOrThrow(Links.compileAll({ ...SimulatedNetwork.defaults.link, ...options }))

const between = (
  from: ReadonlyArray<Address.Address>,
  to: ReadonlyArray<Address.Address>,
  options: Partial<SimulatedNetwork.Link>
): Links.Setting => ({
  pairs: { from: new Set(from), to: new Set(to), isTwoWay: false },
  link: Result.getOrThrow(Links.compile(options))
})

const [one, two, three] = [addressOf(1), addressOf(2), addressOf(3)] as const

describe("links", () => {
  it("behave as their latest setting says, and as all others without one", () => {
    const links = new Links.Links(baseOf({ loss: 0.1 }))
    links.add(between([one], [two, three], { loss: 0.2 }))
    assert.strictEqual(links.get(one, two).loss, 0.2)
    links.add(between([one], [two], { loss: 0.3 }))
    assert.deepStrictEqual([links.get(one, two), links.get(one, three)].map((link) => link.loss), [0.3, 0.2])
    assert.strictEqual(links.get(two, one).loss, 0.1)
    links.setBase(baseOf({ loss: 0.4 }))
    assert.strictEqual(links.get(two, one).loss, 0.4)
    links.reset()
    assert.strictEqual(links.get(one, two).loss, 0.4)
  })

  it("behave in what a setting leaves out as they would without it", () => {
    const links = new Links.Links(baseOf({ loss: 0.1, duplication: 0.1 }))
    const loss = between([one], [two], { loss: 0.2 })
    const corruption = between([one], [two, three], { corruption: 0.3 })
    links.add(loss)
    links.add(corruption)
    assert.deepInclude(links.get(one, two), { loss: 0.2, duplication: 0.1, corruption: 0.3 })
    assert.deepInclude(links.get(one, three), { loss: 0.1, duplication: 0.1, corruption: 0.3 })
    links.remove(loss)
    assert.deepInclude(links.get(one, two), { loss: 0.1, duplication: 0.1, corruption: 0.3 })
    links.setBase(baseOf({ duplication: 0.4 }))
    assert.deepInclude(links.get(one, two), { loss: 0, duplication: 0.4, corruption: 0.3 })
    links.remove(corruption)
    assert.deepInclude(links.get(one, two), { loss: 0, duplication: 0.4, corruption: 0 })
  })

  it("are remembered of a bounded number of addresses", () => {
    const links = new Links.Links(baseOf({}))
    const sender = addressOf(0)
    links.add(between([sender], [one], { loss: 1 }))
    for (let i = 2; i < 3 * Links.maxRememberedLinks; i++) links.get(sender, addressOf(i))
    assert.isAtMost(links.remembered(sender), Links.maxRememberedLinks)
    assert.strictEqual(links.get(sender, one).loss, 1)
  })

  it("need no remembering where all behave the same", () => {
    const links = new Links.Links(baseOf({}))
    links.add({ pairs: { from: "all", to: "all", isTwoWay: true }, link: { loss: 0.5 } })
    for (let i = 2; i < 100; i++) assert.strictEqual(links.get(one, addressOf(i)).loss, 0.5)
    assert.strictEqual(links.remembered(one), 0)
  })
})
