/**
 * Values of the wire's schemas, for properties: the fields' own checks are predicates, which chance alone does not meet.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import * as Address from "../../src/Address.ts"
import type * as ClusterBusMessage from "../../src/wire/ClusterBusMessage.ts"
import * as DisseminationMessage from "../../src/wire/DisseminationMessage.ts"
import * as HeartbeatMessage from "../../src/wire/HeartbeatMessage.ts"
import * as Message from "../../src/wire/Message.ts"
import type * as ReconciliationMessage from "../../src/wire/ReconciliationMessage.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const of = <const A>(values: ReadonlyArray<A>): Arbitrary.Arbitrary<A> =>
  Arbitrary.map(Arbitrary.schema(between(0, values.length - 1)), (index) => values[index]!)

const oneOf = <A>(arbitraries: ReadonlyArray<Arbitrary.Arbitrary<A>>): Arbitrary.Arbitrary<A> =>
  Arbitrary.flatMap(Arbitrary.schema(between(0, arbitraries.length - 1)), (index) => arbitraries[index]!)

/** A host and a port in every form there is. */
export const parts: Arbitrary.Arbitrary<Address.Parts> = Arbitrary.all({
  host: oneOf<string>([
    Arbitrary.map(
      Arbitrary.array(Arbitrary.schema(between(0, 255)), { minLength: 4, maxLength: 4 }),
      (octets) => octets.join(".")
    ),
    Arbitrary.map(
      Arbitrary.array(oneOf([Arbitrary.Constant(0), Arbitrary.schema(between(0, 0xffff))]), {
        minLength: 8,
        maxLength: 8
      }),
      (segments) => segments.map((segment) => segment.toString(16)).join(":")
    ),
    Arbitrary.map(
      Arbitrary.array(
        Arbitrary.schema(Schema.String.check(Schema.isPattern(/^[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,8}[a-zA-Z0-9_])?$/))),
        { maxLength: 4 }
      ),
      (labels) => [...labels, "example"].join(".")
    )
  ]),
  port: Arbitrary.schema(between(1, 65_535))
})

export const address: Arbitrary.Arbitrary<Address.Address> = Arbitrary.map(parts, Address.make)

export const name: Arbitrary.Arbitrary<string> = oneOf<string>([
  Arbitrary.schema(Schema.String.check(Schema.isPattern(/^[!-~]{1,128}$/))),
  Arbitrary.map(
    Arbitrary.array(of(["é", "漢", "🦊", "n", "-", "ß"]), { minLength: 1, maxLength: 32 }),
    (characters) => characters.join("")
  )
])

const uint32 = oneOf([Arbitrary.schema(Message.Uint32), Arbitrary.Constant(0), Arbitrary.Constant(0xffff_ffff)])

const incarnation = oneOf([
  Arbitrary.schema(Message.Incarnation),
  Arbitrary.Constant(0),
  Arbitrary.Constant(0xffff_ffff_ffff)
])

const bytes = (length: Arbitrary.Arbitrary<number>): Arbitrary.Arbitrary<Uint8Array> =>
  Arbitrary.map(
    Arbitrary.all([length, uint32]),
    ([length, seed]) => Uint8Array.from({ length }, (_, index) => Math.imul(seed + index, 0x9e3779b1) >>> 24)
  )

const metadata = bytes(of([0, 1, 2, 20, 511, 512]))

type Fields = { readonly [name: string]: Arbitrary.Arbitrary<unknown> }

/** Structs with any choice of the optional fields. */
const struct = <A>(_tag: string, required: Fields, optional: Fields = {}): Arbitrary.Arbitrary<A> => {
  const names = Object.keys(optional)
  return Arbitrary.map(
    Arbitrary.all([
      Arbitrary.all(required),
      Arbitrary.all(optional),
      Arbitrary.schema(between(0, 2 ** names.length - 1))
    ]),
    ([required, optional, mask]) => {
      const present = names.filter((_, index) => (mask & (1 << index)) !== 0)
      return {
        _tag,
        ...required as object,
        ...Object.fromEntries(present.map((name) => [name, (optional as Record<string, unknown>)[name]]))
      } as A
    }
  )
}

const member = { id: name, address, incarnation }
const age = { age: uint32 }

const claims = [
  struct<Message.Claim>("Alive", { ...member, protocolVersion: Arbitrary.schema(between(1, 255)) }, {
    metadata,
    votes: of([true, false])
  }),
  struct<Message.Claim>("Suspect", { ...member, from: name }),
  struct<Message.Claim>("Dead", { ...member, from: name }, { ...age, votes: of([true, false]) }),
  struct<Message.Claim>("Left", member, age)
]

export const claim: Arbitrary.Arbitrary<Message.Claim> = oneOf(claims)

const sync = { id: name, address, table: uint32 }
const told = {
  claims: Arbitrary.array(claim, { maxLength: 12 }),
  buckets: bytes(Arbitrary.Constant(Message.bucketsSize))
}

export const digest: Arbitrary.Arbitrary<HeartbeatMessage.Digest> = Arbitrary.all({
  fingerprint: incarnation,
  incarnation,
  heartbeat: uint32,
  version: uint32,
  status: of(["Alive", "Left", "Dead"])
})

const digests = Arbitrary.map(Arbitrary.array(digest, { maxLength: 12 }), HeartbeatMessage.packDigests)

const keyValue = Arbitrary.map(
  struct<HeartbeatMessage.KeyValue & { readonly _tag: string }>(
    "KeyValue",
    { key: name, value: of(["", "v", "é", "🦊".repeat(128)]), version: uint32 },
    { removed: of([true, false]) }
  ),
  ({ _tag: _, ...keyValue }) => keyValue
)

export const delta: Arbitrary.Arbitrary<HeartbeatMessage.Delta> = Arbitrary.map(
  struct<HeartbeatMessage.Delta & { readonly _tag: string }>("Delta", { ...member, heartbeat: uint32 }, {
    generation: incarnation,
    protocolVersion: Arbitrary.schema(between(1, 255)),
    metadata,
    left: of([true, false]),
    age: uint32,
    since: uint32,
    version: uint32,
    keyValues: Arbitrary.array(keyValue, { maxLength: 4 })
  }),
  ({ _tag: _, ...delta }) => delta
)

const deltas = Arbitrary.array(delta, { maxLength: 4 })

export const section: Arbitrary.Arbitrary<ClusterBusMessage.Section> = Arbitrary.map(
  struct<ClusterBusMessage.Section & { readonly _tag: string }>("Section", member, { pong: uint32, beat: uint32 }),
  ({ _tag: _, ...section }) => section
)

const sections = Arbitrary.array(section, { maxLength: 12 })

export const rumorId = oneOf([
  Arbitrary.schema(DisseminationMessage.RumorId),
  Arbitrary.schema(between(0, 3)),
  Arbitrary.Constant(Number.MAX_SAFE_INTEGER)
])

const rumorIds = Arbitrary.map(Arbitrary.array(rumorId, { maxLength: 12 }), DisseminationMessage.packIds)
const kind = Arbitrary.schema(DisseminationMessage.StrategyKind)

export const news: Arbitrary.Arbitrary<DisseminationMessage.News> = struct(
  "News",
  {
    id: rumorId,
    topic: name,
    origin: name,
    publishedAt: incarnation,
    strategy: kind,
    payload: bytes(of([0, 1, 100, 127, 128, 1000, 20_000]))
  },
  { age: uint32, hops: uint32, note: uint32, asked: of([true, false]), repair: of([true, false]) }
)

/** The messages of dissemination. */
export const disseminationMessage: Arbitrary.Arbitrary<Message.Message> = oneOf<Message.Message>([
  news,
  struct("Announce", {}, { ids: rumorIds, large: rumorIds, repair: of([true, false]) }),
  struct("Ask", { ids: rumorIds }),
  struct("Feedback", { strategy: kind }, { fresh: rumorIds, known: rumorIds, refused: rumorIds }),
  struct("Offer", { strategy: kind, ids: rumorIds }),
  struct("Pull", { strategy: kind }, { have: rumorIds }),
  struct("RecentDigest", { count: uint32, hash: uint32, wants: of([true, false]), offers: of([true, false]) }, {
    ids: rumorIds,
    young: rumorIds
  }),
  struct("Fetch", {}, { ids: rumorIds, have: rumorIds, young: rumorIds }),
  struct("Fetched", { news: Arbitrary.array(news, { maxLength: 4 }) }, { wanted: rumorIds, more: of([true, false]) })
])

const some = bytes(of([0, 1, 16, 200]))
const time = bytes(Arbitrary.Constant(8))
const sum = bytes(Arbitrary.Constant(12))
const count = Arbitrary.schema(between(0, 0x7fff_ffff))

/** Questions and answers of sessions, one of each form. */
const question = oneOf<ReconciliationMessage.Question>([
  struct("CompareReplicas", { count, sum, strategy: Arbitrary.schema(between(0, 3)) }),
  struct("CompareRows", { rows: some }, { mode: of([1, 2]) }),
  struct("AskSymbols", { instance: uint32, sequence: incarnation, from: count, count }),
  struct("TransferEntries", {}, { wants: time, entries: some })
])
const answer = oneOf<ReconciliationMessage.Answer>([
  struct("ReplicasEqual", {}),
  struct("PageCompared", {}, { wants: time, entries: some, to: time }),
  struct("EntriesTransferred", {}, { entries: some, served: count })
])
const basis = { instance: uint32, purges: uint32 }
const yes = Arbitrary.Constant(true)

/** The messages of replication. */
export const replicationMessage: Arbitrary.Arbitrary<Message.Message> = oneOf<Message.Message>([
  struct("ReplicaSummary", { sender: name, spaces: bytes(of([0, 24, 240])) }),
  struct("ReplicaOpen", { sender: name, space: name, count: uint32, sum, versions: some, company: uint32 }, {
    purged: time
  }),
  struct("ReplicaOpened", { ...basis, versions: some, refusals: uint32, misses: uint32, company: uint32 }, {
    purged: time,
    equal: yes
  }),
  struct("ReplicaAsk", { ...basis, sender: name, space: name, question }),
  struct("ReplicaTold", { answer }),
  struct("ReplicaConfirm", { sender: name, space: name, keys: some }),
  struct("ReplicaConfirmed", { held: some }),
  struct("ReplicaClose", { ...basis, sender: name, space: name, refusals: uint32 }, { versions: some, purged: time }),
  struct("ReplicaClosed", { ...basis, misses: uint32, refusals: uint32 }),
  struct("ReplicaNotHeld", {}),
  struct("ReplicaStale", {}),
  struct("StabilityReport", {
    sender: name,
    space: name,
    memberIncarnation: incarnation,
    number: uint32,
    versions: some,
    clock: time
  }, {
    life: incarnation,
    loose: time,
    interested: yes,
    refusing: yes,
    asked: some,
    dead: some,
    partial: yes
  }),
  struct("StabilityAnswer", { sender: name, space: name, life: incarnation, number: uint32, members: time }, {
    stable: time,
    asked: some,
    again: yes
  }),
  struct("StabilityAsk", { sender: name, space: name })
])

export const message: Arbitrary.Arbitrary<Message.Message> = oneOf<Message.Message>([
  ...claims,
  struct("Ping", { nonce: uint32, target: name, table: uint32 }),
  struct("PingRequest", { nonce: uint32, target: name, address }),
  struct("Ack", { nonce: uint32 }, { table: uint32 }),
  struct("Nack", { nonce: uint32 }),
  struct("SyncRequest", sync, told),
  struct("SyncResponse", sync, { ...told, clock: incarnation }),
  struct("DigestSyn", { digests }, { from: incarnation, to: incarnation }),
  struct("DigestAck", { digests }, { deltas, more: of([true, false]), id: name, address, clock: incarnation }),
  struct("DigestAck2", { deltas }),
  struct("Meet", { self: claims[0]! }),
  struct("Met", { self: claims[0]!, claims: Arbitrary.array(claim, { maxLength: 12 }) }, { clock: incarnation }),
  struct("BusPing", { self: claims[0]!, nonce: uint32, sections }),
  struct("BusPong", { self: claims[0]!, nonce: uint32, sections, beat: uint32 }),
  struct("Fail", { claim: claims[2]! }),
  disseminationMessage,
  replicationMessage
])

/** Claims about few identities and with few incarnations, so that they meet. */
export const closeClaim: Arbitrary.Arbitrary<Message.Claim> = Arbitrary.map(
  Arbitrary.all({
    tag: of(["Alive", "Suspect", "Dead", "Left"]),
    name: of(["a", "b", "c"]),
    host: of(["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]),
    incarnation: Arbitrary.schema(between(0, 3)),
    protocolVersion: Arbitrary.schema(between(1, 2)),
    votes: of([undefined, false]),
    metadata: Arbitrary.map(
      Arbitrary.array(Arbitrary.schema(between(0, 1)), { maxLength: 2 }),
      (bytes) => Uint8Array.from(bytes)
    )
  }),
  ({ host, incarnation, metadata, name, protocolVersion, tag, votes }): Message.Claim => {
    const member = { id: name, address: host as Address.Address, incarnation }
    switch (tag) {
      case "Alive":
        return {
          _tag: tag,
          ...member,
          protocolVersion,
          ...(metadata.length === 0 ? undefined : { metadata }),
          ...(votes === undefined ? undefined : { votes })
        }
      case "Suspect":
        return { _tag: tag, ...member, from: "x" }
      case "Dead":
        return { _tag: tag, ...member, from: "x", ...(votes === undefined ? undefined : { votes }) }
      case "Left":
        return { _tag: tag, ...member }
    }
  }
)

export { between, of, oneOf }
