import { assert, describe, it } from "@effect/vitest"
import { lifeOf, VersionVector } from "../../../../src/replication/internal/replica/vector.ts"
import { Versions } from "../../../../src/replication/internal/replica/versions.ts"
import { generator } from "../../../support/generator.ts"

const life = lifeOf("a", 1)
const at = (millis: number) => ({ millis, counter: 0 })
const upTo = (versions: Versions) => versions.known.get(life.key).millis

describe("what is known of a life", () => {
  it("grows as far as nothing is missing, in whatever order it comes", () => {
    for (let seed = 0; seed < 100; seed++) {
      const random = generator(`versions ${seed}`)
      const versions = new Versions(false)
      const batches = Array.from({ length: 30 }, (_, i) => [i, i + 1] as const)
      const missing = random.int(31)
      const coming = batches.filter(([from]) => from !== missing)
      while (coming.length > 0) {
        const [[from, to]] = coming.splice(random.int(coming.length), 1) as [readonly [number, number]]
        versions.note(life, at(from), at(to))
        assert.isAtMost(upTo(versions), missing)
      }
      assert.strictEqual(upTo(versions), missing)
      if (missing < 30) versions.note(life, at(missing), at(missing + 1))
      assert.strictEqual(upTo(versions), 30)
    }
  })

  it("grows by what a peer knew, and by what was waiting for that", () => {
    const versions = new Versions(false)
    versions.note(life, at(5), at(7))
    const peer = new VersionVector()
    peer.raise(life, at(5))
    versions.adopt(peer)
    assert.strictEqual(upTo(versions), 7)
  })

  it("does not hold more than some of what came too early", () => {
    const versions = new Versions(false)
    for (let i = 1; i < 10_000; i++) versions.note(life, at(2 * i), at(2 * i + 1))
    for (let i = 0; i < 64; i++) versions.note(life, at(2 * i + 1), at(2 * i + 2))
    versions.note(life, at(0), at(1))
    assert.isBelow(upTo(versions), 300)
    assert.isAbove(upTo(versions), 0)
  })

  it("tells of the earliest write that is held without those before it", () => {
    const versions = new Versions(false)
    assert.isUndefined(versions.loose(at(0)))
    versions.loosen(life, at(7))
    versions.loosen(life, at(5))
    assert.deepStrictEqual(versions.loose(at(0)), at(5))
    versions.note(life, at(0), at(6))
    assert.deepStrictEqual(versions.loose(at(0)), at(5))
    versions.note(life, at(6), at(7))
    assert.isUndefined(versions.loose(at(0)))
  })

  it("is not told to others before it is stored", () => {
    const versions = new Versions(true)
    versions.note(life, at(0), at(3))
    assert.isFalse(versions.told.covers(life.key, at(3)))
    assert.isTrue(versions.known.covers(life.key, at(3)))
  })
})
