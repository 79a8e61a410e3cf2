import { assert, describe, it } from "@effect/vitest"
import { NotStable } from "../../src/replication/ReplicaError.ts"

const message = (count: number | undefined, lacking: NotStable["lacking"]) =>
  new NotStable({ space: "flags", timeout: 500, count, lacking }).message.split("; ")[1]

describe("NotStable", () => {
  it("names those who may lack the write, and why, or says that nobody knows", () => {
    assert.strictEqual(message(undefined, []), "who lacks it is not known")
    assert.strictEqual(message(1, [{ node: "a", why: "Behind" }]), "it may be lacking at a")
    assert.strictEqual(
      message(5, [{ node: "a", why: "Refusing" }, { node: "b", why: "NotHeld" }]),
      "it may be lacking at a (which refuses it), b (which does not hold the space), 3 more"
    )
  })
})
