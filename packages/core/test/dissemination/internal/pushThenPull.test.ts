import { assert, describe, it } from "@effect/vitest"
import {
  announcements,
  type Config,
  defaultConfig,
  isDirect,
  makeStrategy,
  pushedToAtMost,
  pushesAt,
  pushRounds
} from "../../../src/dissemination/internal/pushThenPull.ts"
import { packIds } from "../../../src/wire/DisseminationMessage.ts"
import { addressOf, Cluster, idsOf, Lab, type LabOptions, news } from "./harness.ts"

const strategy = (config: Partial<Config> = {}) => makeStrategy({ ...defaultConfig, ...config })

const lab = (nodes: number, config: Partial<Config> = {}, options: LabOptions = {}) =>
  new Lab({ nodes, strategy: strategy(config), antiEntropy: undefined, pacing: { phase: 0 }, ...options })

const tags = (lab: Lab) => [...new Set(lab.sent.map(({ message }) => message._tag))]

const a = addressOf(1)

describe("push-then-pull", () => {
  it("pushes while at most n / ln n are likely to know", () => {
    const told = 1 + defaultConfig.originFanOut
    for (const nodes of [70, 100, 1000, 10_000, 100_000]) {
      let pushing = 1
      let knowing = 1
      for (let hops = 0; hops < 20; hops++) {
        const pushes = pushesAt(hops, nodes, defaultConfig)
        pushing *= pushes
        knowing += pushing
      }
      assert.isAtMost(knowing, Math.max(told, pushedToAtMost(nodes)), `${nodes}`)
      assert.isAtLeast(knowing, Math.min(told, pushedToAtMost(nodes) / 4), `${nodes}`)
    }
    assert.strictEqual(pushedToAtMost(1000).toFixed(1), "144.8")
    assert.deepStrictEqual([2, 3, 64, 1000, 10_000].map(pushRounds), [1, 1, 3, 7, 10])
  })

  it("pushes to all from the origin where there are few", () => {
    assert.isTrue(isDirect(65, defaultConfig))
    assert.isFalse(isDirect(66, defaultConfig))
    for (const nodes of [1, 2, 3, 65]) {
      assert.strictEqual(pushesAt(0, nodes, defaultConfig), nodes - 1)
      assert.strictEqual(pushesAt(1, nodes, defaultConfig), 0)
    }
    assert.strictEqual(pushesAt(0, 66, defaultConfig), 8)
    assert.strictEqual(pushesAt(0, 3, { ...defaultConfig, direct: 0 }), 8)
    const it = lab(10)
    it.publish()
    assert.strictEqual(it.sent.length, 9)
    assert.deepStrictEqual(tags(it), ["News"])
  })

  it("tells ceil(ln n) peers and some more", () => {
    assert.deepStrictEqual([1, 2, 3, 64, 1000].map((nodes) => announcements(nodes, 2)), [0, 3, 4, 7, 9])
  })

  it("announces what is heard when enough are likely to know, and what was asked for, at once", () => {
    for (const message of [news(1, { hops: 3 }), news(1, { asked: true })]) {
      const it = lab(90)
      it.receive(message, a)
      assert.deepStrictEqual(tags(it), ["Announce"])
      assert.strictEqual(new Set(it.sent.map(({ to }) => to)).size, 7)
      it.clear()
      it.advance(1000)
      assert.deepStrictEqual(it.sent, [])
    }
  })

  it("pushes on what is heard while few know, and announces it in the next round", () => {
    const it = lab(1000)
    it.receive(news(1), a)
    assert.deepStrictEqual(tags(it), ["News"])
    assert.strictEqual(it.sent.length, 3)
    it.clear()
    it.advance(200)
    assert.deepStrictEqual(tags(it), ["Announce"])
    assert.strictEqual(it.sent.length, 9)
    it.clear()
    it.advance(1000)
    assert.deepStrictEqual(it.sent, [])
  })

  it("has who was pushed to with all others tell a few, later", () => {
    const it = lab(30)
    it.receive(news(1), addressOf(5))
    assert.deepStrictEqual(it.sent, [])
    it.advance(200)
    assert.deepStrictEqual(tags(it), ["Announce"])
    assert.strictEqual(it.sent.length, 3)
    assert.include(it.sent.map(({ to }) => to), a, "the successor in any case")
  })

  it("does not announce what was pushed before half a round has passed", () => {
    const it = lab(30)
    it.advance(150)
    it.publish()
    it.clear()
    it.advance(50)
    assert.deepStrictEqual(it.sent, [])
    it.advance(200)
    assert.deepStrictEqual(tags(it), ["Announce"])
  })

  it("says nothing more of what is no longer held", () => {
    const it = lab(1000, {}, { maxRumors: 1 })
    it.receive(news(1), a)
    it.receive(news(2, { hops: 9 }), a)
    it.clear()
    it.advance(1000)
    assert.deepStrictEqual(it.sent, [])
  })

  it("says nothing where nobody else is", () => {
    for (const config of [{}, { pull: "always" }, { eager: false }] as const) {
      const it = lab(1, config)
      it.publish()
      it.advance(2000)
      assert.deepStrictEqual(it.sent, [])
    }
  })

  for (const nodes of [2, 5, 40, 65, 66, 150]) {
    it(`reaches all of ${nodes} with hardly a payload more than it must, at once`, () => {
      const cluster = new Cluster(nodes)
      const ids = Array.from({ length: 20 }, (_, index) => {
        const id = cluster.publish(index % nodes)
        cluster.advance(20)
        return id
      })
      for (const id of ids) assert.strictEqual(cluster.reached(id), nodes)
      cluster.advance(1000)
      assert.isAtMost(cluster.report().payloadMessages / ids.length / (nodes - 1), 1.03)
      for (const { delivered } of cluster.labs) {
        assert.deepStrictEqual(new Set(delivered.map(({ id }) => id)), new Set(ids))
        assert.strictEqual(delivered.length, ids.length)
      }
    })
  }

  it("makes up for losses", () => {
    const cluster = new Cluster(64)
    cluster.loses = () => cluster.random.nextDoubleUnsafe() < 0.1
    const ids = Array.from({ length: 20 }, (_, index) => {
      const id = cluster.publish(index)
      cluster.advance(100)
      return id
    })
    cluster.advance(10_000)
    for (const id of ids) assert.strictEqual(cluster.reached(id), 64)
    assert.isAtMost(cluster.report().payloadMessages / ids.length / 63, 1.25)
  })

  describe("in the paper's rounds", () => {
    const inRounds = { eager: false } as const

    it("pushes to one peer a round, and does not tell in the round in which it hears", () => {
      const it = lab(100, inRounds)
      it.publish()
      assert.deepStrictEqual(it.sent, [])
      const counts = Array.from({ length: 7 }, () => {
        it.clear()
        it.advance(200)
        return it.sent.map(({ message }) => message._tag).join(" ")
      })
      const announces = Array.from({ length: 7 }, () => "Announce").join(" ")
      assert.deepStrictEqual(counts, ["News", "News", "News", "News", announces, "", ""])
    })

    it("does not tell in a round that begins late, either, what it has heard in it", () => {
      const it = lab(100, inRounds, { pacing: { phase: 0, jitter: 1 }, random: { nextDoubleUnsafe: () => 0.5 } })
      it.publish()
      it.advance(250)
      it.receive(news(1, { note: 1 }), a)
      it.advance(50)
      assert.strictEqual(it.messages("News").length, 1)
      assert.notStrictEqual(it.messages("News")[0]!.message.id, 1)
    })

    it("goes by the rounds that a rumor has been pushed for elsewhere", () => {
      const it = lab(100, inRounds)
      it.receive(news(1, { note: 3 }), a)
      it.advance(200)
      assert.deepStrictEqual(it.messages("News").map(({ message }) => message.note), [4])
      it.clear()
      it.advance(200)
      assert.deepStrictEqual(tags(it), ["Announce"])
    })

    for (const pull of ["announced", "always"] as const) {
      it(`reaches all, with pull: ${pull}`, () => {
        const cluster = new Cluster(100, {
          strategy: strategy({ ...inRounds, pull }),
          pacing: { phase: 0 },
          announceInterval: 0,
          antiEntropy: undefined
        })
        cluster.latency = () => 0.01
        const ids = Array.from({ length: 5 }, (_, index) => {
          const id = cluster.publish(index)
          cluster.advance(200)
          return id
        })
        cluster.advance(3000)
        for (const id of ids) assert.strictEqual(cluster.reached(id), 100)
        assert.isAtMost(cluster.report().payloadMessages / 5 / 99, 1.03)
      })
    }
  })

  describe("with pull: always", () => {
    const always = { pull: "always" } as const

    it("asks one peer a round, whether there is news or not", () => {
      const it = lab(10, always)
      it.advance(1000)
      assert.deepStrictEqual(it.sent.map(({ message }) => message._tag), Array.from({ length: 5 }, () => "Pull"))
      it.clear()
      it.receive(news(1), a)
      it.advance(200)
      assert.deepStrictEqual(it.messages("Pull").map(({ message }) => idsOf(message.have)), [[1]])
    })

    it("gives who asks what that one lacks, and what is hot", () => {
      const it = lab(1000, always)
      for (const id of [1, 2, 3]) it.receive(news(id, { hops: 9 }), a)
      it.clear()
      it.receive({ _tag: "Pull", strategy: 3, have: packIds([2]) }, a)
      assert.deepStrictEqual(it.messages("News").map(({ message }) => [message.id, message.asked]), [[1, true], [
        3,
        true
      ]])
      it.advance(30 * 200)
      it.clear()
      it.receive({ _tag: "Pull", strategy: 3 }, a)
      assert.deepStrictEqual(it.sent, [])
    })

    it("gives no more than 32 rumors, and names no more than 128", () => {
      const it = lab(1000, always)
      for (let id = 0; id < 300; id++) it.receive(news(id, { hops: 9 }), a)
      it.clear()
      it.receive({ _tag: "Pull", strategy: 3 }, a)
      assert.strictEqual(it.messages("News").length, 32)
      it.advance(200)
      const have = idsOf(it.messages("Pull")[0]!.message.have)
      assert.deepStrictEqual([have.length, have[0], have.at(-1)], [128, 172, 299])
    })

    it("does not give the older to who has more than it can name", () => {
      const it = lab(1000, always)
      for (let id = 0; id < 200; id++) {
        it.advance(1)
        it.receive(news(id, { hops: 9 }), a)
      }
      it.clear()
      const have = Array.from({ length: 128 }, (_, index) => 70 + index)
      it.receive({ _tag: "Pull", strategy: 3, have: packIds(have) }, a)
      assert.deepStrictEqual(it.messages("News").map(({ message }) => message.id), [198, 199])
    })

    it("reaches all, each but once or nearly so", () => {
      const cluster = new Cluster(60, { strategy: strategy(always), antiEntropy: undefined })
      const ids = Array.from({ length: 10 }, (_, index) => {
        const id = cluster.publish(index)
        cluster.advance(70)
        return id
      })
      cluster.advance(4000)
      for (const id of ids) assert.strictEqual(cluster.reached(id), 60)
      assert.isAtMost(cluster.report().payloadMessages / 10 / 59, 1.03)
    })
  })
})
