import { assert, describe, it } from "@effect/vitest"
import type { Address } from "../../../src/Address.ts"
import { type JoinAttempt, Joining, type JoiningTimer } from "../../../src/membership/internal/joining.ts"
import { View } from "../../../src/membership/internal/view.ts"
import { birth } from "./birth.ts"
import { addressOf, bornAt, peer } from "./swim/harness.ts"

/** A protocol that asks a seed when it is told to. */
const make = (seeds: ReadonlyArray<Address> = []) => {
  const view = new View<JoiningTimer>(birth, { deadRetention: 60_000, maxMembers: 100 }, new Uint8Array(0))
  view.begin(bornAt, { nextDoubleUnsafe: () => 0 })
  const asked: Array<{ readonly to: Address; readonly attempt: JoinAttempt | undefined }> = []
  const joining = new Joining(view, {
    seeds,
    reconnectInterval: 30_000,
    ask: (to, attempt) => asked.push({ to, attempt })
  })
  const completed = () =>
    view.takeOutputs().flatMap((output) => output._tag === "Completed" ? [[output.completion, output.result._tag]] : [])
  return { asked, completed, joining, view }
}

describe("joining", () => {
  it("tries a seed until it is known by what address it is there", () => {
    const { asked, joining, view } = make([addressOf(1), addressOf(2)])
    joining.start()
    const [first, second] = asked.splice(0)
    joining.answeredByItself(second!.to, second!.attempt)
    view.hear(peer(3).alive, "sync")
    joining.reconnect(0)
    assert.deepStrictEqual(asked.splice(0), [{ to: addressOf(1), attempt: undefined }])
    // the name of the seed leads to n3
    joining.answered(first!.to, addressOf(3), first!.attempt)
    joining.reconnect(0)
    assert.deepStrictEqual(asked, [])
  })

  it("of a command ends with the first answer, or the last failure", () => {
    const { asked, completed, joining } = make()
    for (const completion of [1, 2]) joining.join([addressOf(1), addressOf(2)], completion)
    joining.failed(asked[0]!.to, "no", asked[0]!.attempt)
    joining.answered(asked[1]!.to, addressOf(2), asked[1]!.attempt)
    joining.failed(asked[2]!.to, "no", asked[2]!.attempt)
    joining.failed(asked[3]!.to, "no", asked[3]!.attempt)
    assert.deepStrictEqual(completed(), [[1, "Done"], [2, "NoSeedAnswered"]])
  })
})
