import { assert, describe, it } from "@effect/vitest"
import { defaultConfig, makeStrategy } from "../../../src/dissemination/internal/directMail.ts"
import { Cluster, Lab, news, peer, TestPeers } from "./harness.ts"

const directMail = makeStrategy(defaultConfig)

const slow = makeStrategy({ burst: 3, roundInterval: 10 })

describe("direct mail", () => {
  it("goes from the origin to every peer, once", () => {
    const lab = new Lab({ nodes: 50, strategy: directMail })
    const id = lab.publish()
    assert.strictEqual(new Set(lab.messages("News").map(({ to }) => to)).size, 49)
    assert.strictEqual(lab.sent.length, 49)
    assert.isTrue(lab.messages("News").every(({ message }) => message.id === id))
    assert.strictEqual(lab.report().payloadMessages, 49)
  })

  it("has one list of who is there, however much waits to be sent", () => {
    class Counting extends TestPeers {
      looks = 0
      override at(index: number) {
        this.looks++
        return super.at(index)
      }
    }
    const peers = new Counting(Array.from({ length: 100 }, (_, index) => peer(index + 1)))
    const lab = new Lab({ peers, strategy: slow, antiEntropy: undefined })
    for (let i = 0; i < 50; i++) lab.publish()
    assert.strictEqual(peers.looks, 100)
    peers.set(peers.list.slice(0, 50))
    lab.clear()
    lab.publish()
    lab.advance(60_000)
    assert.strictEqual(peers.looks, 150)
    assert.strictEqual(lab.messages("News").length, 50 * 100 + 50 - 3)
  })

  it("is passed on by nobody", () => {
    const lab = new Lab({ nodes: 50, strategy: directMail })
    lab.receive(news(1, { strategy: 1 }))
    lab.receive(news(1, { strategy: 1 }))
    lab.receive({ _tag: "Pull", strategy: 1 })
    assert.deepStrictEqual(lab.sent, [])
    assert.strictEqual(lab.delivered.length, 1)
  })

  it("goes to so many at a time", () => {
    const lab = new Lab({ nodes: 11, strategy: slow, pacing: { phase: 0 }, antiEntropy: undefined })
    const first = lab.publish()
    lab.publish()
    const told = () => lab.messages("News").length
    assert.strictEqual(told(), 3)
    lab.advance(10)
    assert.strictEqual(told(), 6)
    lab.advance(1000)
    assert.strictEqual(told(), 20)
    assert.isTrue(lab.messages("News").slice(0, 10).every(({ message }) => message.id === first))
    assert.strictEqual(new Set(lab.messages("News").map(({ message, to }) => `${message.id} ${to}`)).size, 20)
    // one after the other each has all of a round again
    lab.clear()
    lab.publish()
    assert.strictEqual(told(), 3)
  })

  it("ends when the rumor is forgotten", () => {
    const lab = new Lab({ nodes: 11, strategy: slow, maxRumors: 1, antiEntropy: undefined })
    lab.publish()
    lab.receive(news(1))
    lab.advance(1000)
    assert.strictEqual(lab.messages("News").length, 3)
  })

  it("is lost where it is lost, without anti-entropy", () => {
    const cluster = new Cluster(20, { strategy: directMail, antiEntropy: undefined })
    cluster.loses = (_, __, to) => to.id === "n7"
    const id = cluster.publish(0)
    cluster.advance(10_000)
    assert.strictEqual(cluster.reached(id), 19)
    assert.isTrue(cluster.labs.every(({ timers }) => timers.length === 0))
  })

  it("that was lost is made up for by anti-entropy", () => {
    const cluster = new Cluster(20, { strategy: directMail })
    let isCut = true
    cluster.loses = (_, __, to) => isCut && to.id === "n7"
    const id = cluster.publish(0)
    cluster.advance(100)
    isCut = false
    cluster.advance(6000)
    assert.strictEqual(cluster.reached(id), 20)
    assert.strictEqual(cluster.report().payloadMessages, 20)
  })

  it("of a large payload is announced to all, who fetch it", () => {
    const cluster = new Cluster(10, { strategy: directMail })
    const id = cluster.publish(0, new Uint8Array(10_000))
    cluster.advance(100)
    assert.strictEqual(cluster.reached(id), 10)
    assert.strictEqual(cluster.report().payloadMessages, 9)
  })
})
