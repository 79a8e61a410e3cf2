import * as Transport from "@effect-gossip/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { samePort } from "../../src/internal/bind.ts"
import { failure, openFailure } from "../../src/internal/errors.ts"

const inUse = failure(new Transport.AddressInUse({ address: "test" }))

/** Two resources, of which the second finds the first `taken` ports it tries in use. */
const fake = (
  options: { readonly port: number; readonly taken: number; readonly error?: Transport.TransportError }
) => {
  const log: Array<string> = []
  let next = 100
  let failures = 0
  const pair = samePort(options.port, {
    first: (port) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const chosen = port === 0 ? next++ : port
          log.push(`open ${chosen}`)
          return chosen
        }),
        (chosen) => Effect.sync(() => log.push(`close ${chosen}`))
      ),
    portOf: (port) => port,
    second: (port) =>
      failures++ < options.taken ? Effect.fail(options.error ?? inUse) : Effect.succeed(`second ${port}`),
    attempts: 3
  })
  return { log, pair }
}

describe("samePort", () => {
  it.effect("tries another port when the picked one is in use for the second", () =>
    Effect.gen(function*() {
      const { log, pair } = fake({ port: 0, taken: 2 })
      assert.deepStrictEqual(yield* pair, [102, "second 102"])
      assert.deepStrictEqual(log, ["open 100", "close 100", "open 101", "close 101", "open 102"])
    }))

  it.effect("gives up after its attempts, with nothing open", () =>
    Effect.gen(function*() {
      const { log, pair } = fake({ port: 0, taken: 99 })
      assert.strictEqual((yield* Effect.flip(pair)).reason._tag, "AddressInUse")
      assert.deepStrictEqual(log, ["open 100", "close 100", "open 101", "close 101", "open 102", "close 102"])
    }))

  it.effect("tries a port that was asked for once", () =>
    Effect.gen(function*() {
      const { log, pair } = fake({ port: 7, taken: 1 })
      assert.strictEqual((yield* Effect.flip(pair)).reason._tag, "AddressInUse")
      assert.deepStrictEqual(log, ["open 7", "close 7"])
    }))

  it.effect("does not try again what another port would not mend", () =>
    Effect.gen(function*() {
      const error = failure(new Transport.PermissionDenied({ address: "test" }))
      const { log, pair } = fake({ port: 0, taken: 1, error })
      assert.strictEqual((yield* Effect.flip(pair)).reason._tag, "PermissionDenied")
      assert.deepStrictEqual(log, ["open 100", "close 100"])
    }))
})

describe("openFailure", () => {
  it("finds the system's code and says what to do", () => {
    const reason = (code: string) => openFailure("10.0.0.1:80/tcp", new Error("outer", { cause: { code } })).reason
    assert.strictEqual(reason("EADDRINUSE")._tag, "AddressInUse")
    assert.strictEqual(reason("EACCES")._tag, "PermissionDenied")
    assert.strictEqual(reason("EPERM")._tag, "PermissionDenied")
    assert.strictEqual(reason("EADDRNOTAVAIL")._tag, "AddressNotAvailable")
    assert.strictEqual(reason("EAFNOSUPPORT")._tag, "AddressNotAvailable")
    assert.strictEqual(reason("EMFILE")._tag, "OpenFailed")
    assert.match(reason("EADDRINUSE").message, /10\.0\.0\.1:80\/tcp.*another port/)
    assert.strictEqual(reason("EMFILE").message, "10.0.0.1:80/tcp could not be opened: outer")
  })
})
