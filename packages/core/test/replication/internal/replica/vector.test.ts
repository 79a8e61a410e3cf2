import { assert, describe, it } from "@effect/vitest"
import { lifeOf, maxLives, VersionVector } from "../../../../src/replication/internal/replica/vector.ts"
import { type Generator, generator } from "../../../support/generator.ts"

const at = (millis: number, counter = 0) => ({ millis, counter })

const aVector = (random: Generator): VersionVector => {
  const vector = new VersionVector()
  if (random.int(3) === 0) vector.raiseFloor(at(random.int(4)))
  for (let i = random.int(6); i > 0; i--) {
    vector.raise(lifeOf(random.pick(["a", "b", "é"]), random.int(3)), at(random.int(8), random.int(2)))
  }
  return vector
}

const joined = (a: VersionVector, b: VersionVector): VersionVector => {
  const vector = a.clone()
  vector.merge(b)
  return vector
}

describe("a version vector", () => {
  const random = generator("vectors")
  const triples = Array.from({ length: 300 }, () => [aVector(random), aVector(random), aVector(random)] as const)

  it("merges whatever the order, and however often", () => {
    for (const [a, b, c] of triples) {
      assert.strictEqual(joined(a, b).hash, joined(b, a).hash)
      assert.strictEqual(joined(joined(a, b), c).hash, joined(a, joined(b, c)).hash)
      assert.strictEqual(joined(a, a).hash, a.hash)
    }
  })

  it("holds what was merged into it", () => {
    for (const [a, b] of triples) {
      const both = joined(a, b)
      for (const each of [a, b]) assert.isTrue(both.holds(each, at(Infinity)))
      if (a.holds(b, at(Infinity))) assert.strictEqual(both.hash, a.hash)
    }
  })

  it("comes back from its bytes as it was", () => {
    for (const [a] of triples) assert.strictEqual(VersionVector.unpack(a.pack())?.hash, a.hash)
  })

  it("holds another until a time, whatever came later", () => {
    const [a, b] = [new VersionVector(), new VersionVector()]
    a.raise(lifeOf("a", 1), at(5))
    b.raise(lifeOf("a", 1), at(9))
    assert.isTrue(a.holds(b, at(5)))
    assert.isFalse(a.holds(b, at(5, 1)))
    assert.isTrue(a.holds(b, at(0)))
  })

  it("is none of bytes that are cut off, or name nobody", () => {
    const vector = new VersionVector()
    vector.raise(lifeOf("a", 1), at(5))
    const bytes = vector.pack()
    for (let size = 0; size < bytes.length; size++) {
      if (size !== 8) assert.isUndefined(VersionVector.unpack(bytes.subarray(0, size)))
    }
    const unnamed = Uint8Array.from(bytes)
    unnamed[9] = 0x20
    assert.isUndefined(VersionVector.unpack(unnamed))
  })

  it("folds the lives that are silent for longest, when there are too many, and only those", () => {
    const vector = new VersionVector()
    for (let i = 0; i < maxLives; i++) vector.raise(lifeOf("a", i), at(i + 1))
    assert.isFalse(vector.raise(lifeOf("b", 1), at(10_000)))
    vector.fold(at(100))
    assert.strictEqual(vector.size, maxLives - 100)
    assert.isTrue(vector.covers("50 a", at(51)))
    assert.isTrue(vector.covers("7 somebody", at(100)))
    assert.isFalse(vector.covers("7 somebody", at(101)))
    assert.isTrue(vector.raise(lifeOf("b", 1), at(10_000)))
    vector.fold(at(Infinity))
    assert.isAtLeast(vector.size, maxLives / 2)
  })
})
