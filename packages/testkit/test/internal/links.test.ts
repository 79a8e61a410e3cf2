import * as Address from "@effect-gossip/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Links from "../../src/internal/links.ts"
import * as SimulatedNetwork from "../../src/SimulatedNetwork.ts"

const addressOf = (index: number) =>
  Address.make({ host: `10.${index >> 16}.${(index >> 8) & 0xff}.${index & 0xff}`, port: 1 })

const linkOf = (options: Partial<SimulatedNetwork.Link>) =>
  Result.getOrThrow(Links.compile({ ...SimulatedNetwork.defaults.link, ...options }))

describe("links", () => {
  it("behave as their latest setting says, and as all others without one", () => {
    const links = new Links.Links(linkOf({ loss: 0.1 }))
    const [one, two, three] = [addressOf(1), addressOf(2), addressOf(3)] as const
    links.set({ from: new Set([one]), to: new Set([two, three]), link: linkOf({ loss: 0.2 }) })
    assert.strictEqual(links.get(one, two).loss, 0.2)
    links.set({ from: new Set([one]), to: new Set([two]), link: linkOf({ loss: 0.3 }) })
    assert.deepStrictEqual([links.get(one, two), links.get(one, three)].map((link) => link.loss), [0.3, 0.2])
    assert.strictEqual(links.get(two, one).loss, 0.1)
    links.setBase(linkOf({ loss: 0.4 }))
    assert.strictEqual(links.get(two, one).loss, 0.4)
    links.reset()
    assert.strictEqual(links.get(one, two).loss, 0.4)
  })

  it("are remembered of a bounded number of addresses", () => {
    const links = new Links.Links(linkOf({}))
    const sender = addressOf(0)
    links.set({ from: new Set([sender]), to: new Set([addressOf(1)]), link: linkOf({ loss: 1 }) })
    for (let i = 2; i < 3 * Links.maxRememberedLinks; i++) links.get(sender, addressOf(i))
    assert.isAtMost(links.remembered(sender), Links.maxRememberedLinks)
    assert.strictEqual(links.get(sender, addressOf(1)).loss, 1)
  })
})
