import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Address from "../src/Address.ts"
import * as Gossip from "../src/Gossip.ts"
import { Membership } from "../src/membership/Membership.ts"
import * as MemoryTransport from "../src/MemoryTransport.ts"

const address = Address.fromStringUnsafe("10.0.0.1:7946")

const over = (options: Partial<MemoryTransport.Options> = {}) =>
  Layer.provide(MemoryTransport.layer({ address, ...options }), MemoryTransport.layerNetwork)

const build = (options: Gossip.Options, transport: Partial<MemoryTransport.Options> = {}) =>
  Layer.build(Layer.provide(Gossip.layer(options), over(transport)))

const failure = (options: Partial<Gossip.Options>, transport: Partial<MemoryTransport.Options> = {}) =>
  Effect.map(Effect.flip(build({ name: "a", ...options }, transport)), (error) => {
    assert(error._tag === "GossipError")
    assert.strictEqual(error.message, error.reason.message)
    return error.reason
  })

/** Builds a node and gives its view of itself. */
const selfOf = <E>(layer: Layer.Layer<Membership, E>) =>
  Effect.flatMap(Layer.build(layer), (context) => Context.get(context, Membership).self)

describe("Gossip.layer", () => {
  it.effect("makes a node of a name alone", () =>
    Effect.gen(function*() {
      const context = yield* build({ name: "a" })
      const self = yield* Context.get(context, Membership).self
      assert.strictEqual(self.id, "a")
      assert.strictEqual(self.address, address)
      assert.strictEqual(self.status, "Alive")
    }))

  const wrong: ReadonlyArray<
    readonly [what: string, option: string, options: Partial<Gossip.Options>, message: RegExp]
  > = [
    ["an empty name", "name", { name: "" }, /got "", expected a name of 1 to 128 bytes/],
    ["a name with a space", "name", { name: "a b" }, /got "a b", expected a name of .*without spaces/],
    ["a name of 129 bytes", "name", { name: "a".repeat(129) }, /expected a name of 1 to 128 bytes/],
    ["a name that is none", "name", { name: undefined as never }, /expected/],
    ["an empty cluster name", "cluster", { cluster: "" }, /got "", expected a name/],
    ["a cluster name with a line break", "cluster", { cluster: "a\n" }, /expected a name/],
    ["no seeds in a list", "seeds", { seeds: [] }, /it is empty: name at least one node to join/],
    [
      "a seed without port",
      "seeds",
      { seeds: ["10.0.0.2:7946", "10.0.0.3"] },
      /"10\.0\.0\.3" is not an address: write .*10\.0\.0\.1:7946/
    ],
    ["an empty seed", "seeds", { seeds: [""] }, /"" is not an address/],
    ["a seed that is no text", "seeds", { seeds: [7946 as never] }, /7946 is not an address/],
    [
      "1001 seeds",
      "seeds",
      { seeds: Array.from({ length: 1001 }, () => "10.0.0.2:7946") },
      /1001 addresses are more than 1000/
    ],
    ["a negative leave timeout", "leaveTimeout", { leaveTimeout: "-1 second" }, /is not between 0 and 1h/],
    [
      "a leave timeout that is no number",
      "leaveTimeout",
      { leaveTimeout: Number.NaN },
      /is not between|is not a duration/
    ],
    ["an endless leave timeout", "leaveTimeout", { leaveTimeout: Infinity }, /is not between 0 and 1h/],
    ["a leave timeout of 61 minutes", "leaveTimeout", { leaveTimeout: "61 minutes" }, /1h 1m is not between 0 and 1h/],
    [
      "a leave timeout that is no duration",
      "leaveTimeout",
      { leaveTimeout: "soon" as never },
      /"soon" is not a duration; write for example "500 millis"/
    ],
    ["room for no change", "changesCapacity", { changesCapacity: 0 }, /0 is not a whole number between 1 and 1000000/],
    ["room for a change and a half", "changesCapacity", { changesCapacity: 1.5 }, /1\.5 is not a whole number/],
    ["a mailbox of 15", "mailboxCapacity", { mailboxCapacity: 15 }, /15 is not a whole number between 16 and 1000000/],
    ["a mailbox of 0", "mailboxCapacity", { mailboxCapacity: 0 }, /0 is not a whole number/],
    ["an endless mailbox", "mailboxCapacity", { mailboxCapacity: Infinity }, /Infinity is not a whole number/],
    ["room to send 16.5", "sendCapacity", { sendCapacity: 16.5 }, /16\.5 is not a whole number/],
    ["no room to send", "sendCapacity", { sendCapacity: 0 }, /0 is not a whole number/],
    ["no exchanges", "maxExchanges", { maxExchanges: 0 }, /0 is not a whole number between 1 and 10000/],
    ["exchanges that are no number", "maxExchanges", { maxExchanges: Number.NaN }, /NaN is not a whole number/]
  ]
  for (const [what, option, options, message] of wrong) {
    it.effect(`refuses ${what}, by the name of the option`, () =>
      Effect.gen(function*() {
        const reason = yield* failure(options)
        assert(reason._tag === "InvalidOption")
        assert.strictEqual(reason.option, option)
        assert.match(reason.message, new RegExp(`^option ${option}: `))
        assert.match(reason.message, message)
        assert.isBelow(reason.message.length, 500)
      }))
  }

  it.effect("refuses metadata of 513 bytes, and takes 512", () =>
    Effect.gen(function*() {
      const reason = yield* failure({ metadata: new Uint8Array(513) })
      assert.deepInclude(reason, { _tag: "MetadataTooLarge", size: 513, limit: 512 })
      assert.match(reason.message, /^metadata of 513 bytes are above the limit of 512 bytes/)
      const context = yield* build({ name: "a", metadata: new Uint8Array(512) })
      assert.strictEqual((yield* Context.get(context, Membership).self).metadata.length, 512)
    }))

  it.effect("refuses metadata that a small datagram has no room for, to the byte", () =>
    Effect.gen(function*() {
      const transport = { maxDatagramSize: 120 }
      const reason = yield* failure({ metadata: new Uint8Array(512) }, transport)
      assert(reason._tag === "MetadataTooLarge")
      assert.isAbove(reason.limit, 30)
      assert.isBelow(reason.limit, 100)
      assert.strictEqual((yield* failure({ metadata: new Uint8Array(reason.limit + 1) }, transport))._tag, reason._tag)
      const context = yield* build({ name: "a", metadata: new Uint8Array(reason.limit) }, transport)
      assert.strictEqual(Context.get(context, Membership).maxMetadataSize, reason.limit)
    }))

  it.effect("takes seeds as a user writes them", () =>
    Effect.gen(function*() {
      // both are this node's own address, and so there is nobody to ask
      const context = yield* build({ name: "a", seeds: ["10.0.0.1:07946", "[::ffff:10.0.0.1]:7946"] })
      const membership = Context.get(context, Membership)
      yield* membership.join(["[::FFFF:a00:1]:7946"])
    }))
})

describe("Gossip.config", () => {
  const read = (env: Record<string, unknown>) => Gossip.config.parse(ConfigProvider.fromUnknown(env))

  it.effect("has the defaults for what is not said", () =>
    Effect.gen(function*() {
      const { name, seeds, ...rest } = yield* read({ name: "a" })
      assert.strictEqual(name, "a")
      assert.isUndefined(seeds)
      const { defectRetryPolicy: _, ...defaults } = Gossip.defaults
      assert.deepStrictEqual(rest, defaults)
    }))

  it.effect("reads all that text can say", () =>
    Effect.gen(function*() {
      const options = yield* read({
        name: "a",
        seeds: "10.0.0.2:7946,10.0.0.3:7946",
        cluster: "c",
        leaveTimeout: "2 seconds",
        changesCapacity: "10",
        mailboxCapacity: "20",
        sendCapacity: "30",
        maxExchanges: "4"
      })
      assert.deepStrictEqual({ ...options, leaveTimeout: Duration.toMillis(options.leaveTimeout!) }, {
        name: "a",
        seeds: ["10.0.0.2:7946", "10.0.0.3:7946"],
        cluster: "c",
        leaveTimeout: 2000,
        changesCapacity: 10,
        mailboxCapacity: 20,
        sendCapacity: 30,
        maxExchanges: 4
      })
    }))

  it.effect("fails without a name", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(read({})))._tag, "ConfigError")
    }))
})

describe("Gossip.layerConfig", () => {
  it.effect("makes a node of what it reads, and fails for what is wrong", () =>
    Effect.gen(function*() {
      const layer = Layer.provide(Gossip.layerConfig(Gossip.config), over())
      const given = (env: Record<string, string>) =>
        Effect.provideService(selfOf(layer), ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown(env))
      assert.strictEqual((yield* given({ name: "a" })).id, "a")
      assert.strictEqual((yield* Effect.flip(given({ name: "a b" })))._tag, "GossipError")
      assert.strictEqual((yield* Effect.flip(given({})))._tag, "ConfigError")
      const own = Layer.provide(Gossip.layerConfig({ name: Config.succeed("z") }), over())
      assert.strictEqual((yield* selfOf(own)).id, "z")
    }))
})

describe("Gossip.layerFromEnv", () => {
  // the provider reads the environment when it is made
  const withEnv = <A, E, R>(env: Record<string, string>, effect: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const environment = process.env // oxlint-disable-line no-restricted-globals -- what is tested reads it
        const before = { ...environment }
        for (const name of Object.keys(environment)) if (name.startsWith("GOSSIP_")) delete environment[name]
        Object.assign(environment, env)
        return { environment, before }
      }),
      () => effect,
      ({ before, environment }) =>
        Effect.sync(() => {
          for (const name of Object.keys(environment)) if (!(name in before)) delete environment[name]
          Object.assign(environment, before)
        })
    )
  const node = (options?: Partial<Gossip.Options>) => selfOf(Layer.provide(Gossip.layerFromEnv(options), over()))

  it.effect("reads GOSSIP_NAME and its like", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* withEnv({ GOSSIP_NAME: "env" }, node())).id, "env")
      const wrong: ReadonlyArray<readonly [string, string, string]> = [
        ["GOSSIP_SEEDS", "10.0.0.1:7946,nowhere", "seeds"],
        ["GOSSIP_CLUSTER", "a b", "cluster"],
        ["GOSSIP_LEAVE_TIMEOUT", "2 hours", "leaveTimeout"],
        ["GOSSIP_CHANGES_CAPACITY", "0", "changesCapacity"],
        ["GOSSIP_MAILBOX_CAPACITY", "1", "mailboxCapacity"],
        ["GOSSIP_SEND_CAPACITY", "1", "sendCapacity"],
        ["GOSSIP_MAX_EXCHANGES", "0", "maxExchanges"]
      ]
      for (const [name, value, option] of wrong) {
        const error = yield* Effect.flip(withEnv({ GOSSIP_NAME: "env", [name]: value }, node()))
        assert(error._tag === "GossipError" && error.reason._tag === "InvalidOption", name)
        assert.strictEqual(error.reason.option, option)
      }
    }))

  it.effect("takes spaces after the commas of GOSSIP_SEEDS", () =>
    Effect.gen(function*() {
      const env = { GOSSIP_NAME: "env", GOSSIP_SEEDS: "10.0.0.1:7946, 10.0.0.1:7946" }
      assert.strictEqual((yield* withEnv(env, node())).id, "env")
    }))

  it.effect("prefers the options that are given", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* withEnv({ GOSSIP_NAME: "env" }, node({ name: "given" }))).id, "given")
      assert.strictEqual((yield* withEnv({}, node({ name: "given" }))).id, "given")
      const env = { GOSSIP_NAME: "env", GOSSIP_CLUSTER: "a b" }
      assert.strictEqual((yield* withEnv(env, node({ cluster: "c" }))).id, "env")
    }))

  it.effect("takes an option that is given as undefined for one that is not", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* withEnv({ GOSSIP_NAME: "env" }, node({ name: undefined as never }))).id, "env")
      const error = yield* Effect.flip(
        withEnv({ GOSSIP_NAME: "env", GOSSIP_CLUSTER: "a b" }, node({ cluster: undefined }))
      )
      assert.strictEqual(error._tag, "GossipError")
    }))

  it.effect("fails without a name", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(withEnv({}, node())))._tag, "ConfigError")
    }))
})
