/**
 * Every kind of replicated data type with what its tests need: writes to choose from, and what it is to mean.
 *
 * The meaning is said without dots and contexts. A write is an operation with the operations that it cancels: those that its
 * writer had heard of and that it removes or replaces. What somebody who heard of some operations must read follows from
 * those that none of the others cancels.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Crdt from "../../src/replication/Crdt.ts"
import * as GCounter from "../../src/replication/GCounter.ts"
import * as LWWRegister from "../../src/replication/LWWRegister.ts"
import * as MVRegister from "../../src/replication/MVRegister.ts"
import * as ORMap from "../../src/replication/ORMap.ts"
import * as ORSet from "../../src/replication/ORSet.ts"
import * as PNCounter from "../../src/replication/PNCounter.ts"

/** A write as its author means it. */
export interface Operation {
  readonly replica: Crdt.Replica
  /** Ascends with the writes of a history. */
  readonly index: number
  /** Where in the value: the key or the element. */
  readonly place: string
  /** What is there afterwards; undefined for a removal. */
  readonly content: unknown
  readonly cancels: ReadonlySet<Operation>
}

/** What a write means, whoever did it. */
export type Meaning = Omit<Operation, "replica" | "index">

/** A choice of the generator: what is written, and where. */
export interface Choice {
  readonly what: number
  readonly where: number
  /** When, for kinds that go by it; of `what` and `where` if absent, so that many are the same and most come late. */
  readonly millis?: number
}

export interface Kind {
  readonly name: string
  readonly crdt: Crdt.Any
  /** The delta of a write. */
  readonly mutate: (state: any, replica: Crdt.Replica, choice: Choice) => any
  /** What the write is to mean at one who knows of these operations that nothing has cancelled; undefined for nothing. */
  readonly mean: (
    live: ReadonlyArray<Operation>,
    replica: Crdt.Replica,
    choice: Choice
  ) => Meaning | undefined
  /** The value, of the operations that nothing has cancelled. */
  readonly read: (live: ReadonlyArray<Operation>) => unknown
}

const isSame = (a: Crdt.Replica, b: Crdt.Replica) => a.node === b.node && a.incarnation === b.incarnation

const compareReplicas = (a: Crdt.Replica, b: Crdt.Replica) =>
  a.node === b.node ? a.incarnation - b.incarnation : a.node < b.node ? -1 : 1

const placesOf = (live: ReadonlyArray<Operation>) => [...new Set(live.map(({ place }) => place))].sort()

const at = (live: ReadonlyArray<Operation>, place: string) => live.filter((operation) => operation.place === place)

const removal = (operations: ReadonlyArray<Operation>) =>
  operations.length === 0 ? undefined : { place: "", content: undefined, cancels: new Set(operations) }

const isRemoval = ({ what }: Choice) => what >= 6
const isClear = ({ what }: Choice) => what === 9

const element = ({ where }: Choice) => ["a", "b", "ccc"][where]!

// -----------------------------------------------------------------------------
// counters
// -----------------------------------------------------------------------------

/** The last total of each replica: what replicas count holds what they had counted before. */
const lastTotals = (live: ReadonlyArray<Operation>): ReadonlyArray<any> => {
  const last = new Map<string, Operation>()
  for (const operation of live) {
    const id = `${operation.replica.node} ${operation.replica.incarnation}`
    if (operation.index > (last.get(id)?.index ?? -1)) last.set(id, operation)
  }
  return [...last.values()].map(({ content }) => content)
}

const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((a, b) => a + b, 0)

const grown = (live: ReadonlyArray<Operation>) => sum(lastTotals(live))

const increment = (
  live: ReadonlyArray<Operation>,
  replica: Crdt.Replica,
  place: string,
  by: number
) => {
  const own = at(live, place).filter((operation) => isSame(operation.replica, replica))
  if (by === 0) return undefined
  return { place, content: (lastTotals(own)[0] ?? 0) + by, cancels: new Set(own) }
}

const gCounter: Kind = {
  name: "GCounter",
  crdt: GCounter.definition,
  mutate: (state, replica, { what, where }) =>
    GCounter.definition.increment(state, replica, what < 5 ? where : 300 * where),
  mean: (live, replica, { what, where }) => increment(live, replica, "", what < 5 ? where : 300 * where),
  read: grown
}

const pnCounter: Kind = {
  name: "PNCounter",
  crdt: PNCounter.definition,
  mutate: (state, replica, choice) =>
    isClear(choice)
      ? PNCounter.definition.clear(state)
      : choice.what < 4
      ? PNCounter.definition.increment(state, replica, choice.where + 1)
      : PNCounter.definition.decrement(state, replica, choice.where + 1),
  mean: (live, replica, choice) => {
    if (isClear(choice)) return removal(live)
    const own = live.filter((operation) => isSame(operation.replica, replica))
    const before = lastTotals(own)[0] ?? [0, 0]
    const by = choice.where + 1
    return {
      place: "",
      content: choice.what < 4 ? [before[0] + by, before[1]] : [before[0], before[1] + by],
      cancels: new Set(own)
    }
  },
  read: (live) => sum(lastTotals(live).map(([up, down]) => up - down))
}

// -----------------------------------------------------------------------------
// sets and registers
// -----------------------------------------------------------------------------

const Strings = ORSet.make(Schema.String)

const orSet: Kind = {
  name: "ORSet",
  crdt: Strings,
  mutate: (state, replica, choice) =>
    isClear(choice)
      ? Strings.clear(state)
      : isRemoval(choice)
      ? Strings.remove(state, element(choice))
      : Strings.add(state, replica, element(choice)),
  mean: (live, _, choice) => {
    if (isClear(choice)) return removal(live)
    const before = at(live, element(choice))
    if (isRemoval(choice)) return removal(before)
    return { place: element(choice), content: element(choice), cancels: new Set(before) }
  },
  // shorter ones are encoded in front of longer ones
  read: placesOf
}

const Values = MVRegister.make(Schema.Struct({ n: Schema.Int }))

const mvRegister: Kind = {
  name: "MVRegister",
  crdt: Values,
  mutate: (state, replica, choice) =>
    isClear(choice) ? Values.clear(state) : Values.set(state, replica, { n: choice.where }),
  mean: (live, _, choice) =>
    isClear(choice) ? removal(live) : { place: "", content: choice.where, cancels: new Set(live) },
  read: (live) => [...new Set(live.map(({ content }) => content as number))].sort().map((n) => ({ n }))
}

const Last = LWWRegister.make(Schema.String)

const timeOf = ({ millis, what, where }: Choice) => ({ millis: millis ?? 1 + Math.floor(what / 3), counter: where })

interface LastWrite {
  readonly time: { readonly millis: number; readonly counter: number }
  readonly text: string
}

const compareTime = (a: LastWrite, b: LastWrite) => a.time.millis - b.time.millis || a.time.counter - b.time.counter

const textOf = ({ what, where }: Choice) => `${what} ${where}`

const lastWritten = (live: ReadonlyArray<Operation>): string | undefined => {
  const sorted = [...live].sort((a, b) =>
    compareTime(a.content as LastWrite, b.content as LastWrite) ||
    compareReplicas(a.replica, b.replica) ||
    a.index - b.index
  )
  return (sorted.at(-1)?.content as LastWrite | undefined)?.text
}

const write = (live: ReadonlyArray<Operation>, place: string, choice: Choice) => {
  const before = at(live, place)
  const content: LastWrite = { time: timeOf(choice), text: textOf(choice) }
  return before.some((operation) => compareTime(operation.content as LastWrite, content) > 0)
    ? undefined
    : { place, content, cancels: new Set(before) }
}

const lwwRegister: Kind = {
  name: "LWWRegister",
  crdt: Last,
  mutate: (state, replica, choice) =>
    isClear(choice) ? Last.clear(state) : Last.set(state, replica, timeOf(choice), textOf(choice)),
  mean: (live, _, choice) => isClear(choice) ? removal(live) : write(live, "", choice),
  read: (live) => Option.fromUndefinedOr(lastWritten(live))
}

// -----------------------------------------------------------------------------
// maps
// -----------------------------------------------------------------------------

const keyOf = ({ what }: Choice) => `k${what % 2}`

const Sets = ORMap.make({ key: Schema.String, value: Strings })

const mapOfSets: Kind = {
  name: "ORMap of ORSets",
  crdt: Sets,
  mutate: (state, replica, choice) =>
    isClear(choice)
      ? Sets.clear(state)
      : choice.what >= 7
      ? Sets.remove(state, keyOf(choice))
      : Sets.update(state, keyOf(choice), (set) =>
        choice.what >= 5 ? Strings.remove(set, element(choice)) : Strings.add(set, replica, element(choice))),
  mean: (live, _, choice) => {
    if (isClear(choice)) return removal(live)
    const key = keyOf(choice)
    if (choice.what >= 7) return removal(live.filter(({ place }) => place.startsWith(key)))
    const place = `${key} ${element(choice)}`
    const before = at(live, place)
    return choice.what >= 5 ? removal(before) : { place, content: "", cancels: new Set(before) }
  },
  read: (live) => {
    const entries = new Map<string, Array<string>>()
    for (const place of placesOf(live)) {
      const [key, element] = place.split(" ") as [string, string]
      entries.set(key, [...entries.get(key) ?? [], element])
    }
    return [...entries]
  }
}

const Counters = ORMap.make({ key: Schema.String, value: GCounter.definition })

const mapOfCounters: Kind = {
  name: "ORMap of GCounters",
  crdt: Counters,
  mutate: (state, replica, choice) =>
    isClear(choice)
      ? Counters.clear(state)
      : isRemoval(choice)
      ? Counters.remove(state, keyOf(choice))
      : Counters.update(
        state,
        keyOf(choice),
        (counter) => GCounter.definition.increment(counter, replica, choice.where)
      ),
  mean: (live, replica, choice) => {
    if (isClear(choice)) return removal(live)
    if (isRemoval(choice)) return removal(at(live, keyOf(choice)))
    return increment(live, replica, keyOf(choice), choice.where)
  },
  read: (live) => placesOf(live).map((place) => [place, grown(at(live, place))])
}

const Registers = ORMap.make({ key: Schema.Boolean, value: ORMap.make({ key: Schema.String, value: Last }) })
const Inner = ORMap.make({ key: Schema.String, value: Last })

const mapOfMaps: Kind = {
  name: "ORMap of ORMaps of LWWRegisters",
  crdt: Registers,
  mutate: (state, replica, choice) =>
    isClear(choice)
      ? Registers.clear(state)
      : choice.what === 8
      ? Registers.remove(state, choice.where > 0)
      : Registers.update(state, choice.where > 0, (inner) =>
        choice.what === 7
          ? Inner.remove(inner, keyOf(choice))
          : Inner.update(
            inner,
            keyOf(choice),
            (register) => Last.set(register, replica, timeOf(choice), textOf(choice))
          )),
  mean: (live, _, choice) => {
    const outer = `${choice.where > 0 ? 1 : 0}`
    if (isClear(choice)) return removal(live)
    if (choice.what === 8) return removal(live.filter(({ place }) => place.startsWith(outer)))
    const place = `${outer} ${keyOf(choice)}`
    return choice.what === 7 ? removal(at(live, place)) : write(live, place, choice)
  },
  read: (live) => {
    const entries = new Map<string, Array<readonly [string, Option.Option<string>]>>()
    for (const place of placesOf(live)) {
      const [outer, key] = place.split(" ") as [string, string]
      const last = Option.fromUndefinedOr(lastWritten(at(live, place)))
      entries.set(outer, [...entries.get(outer) ?? [], [key, last]])
    }
    return [...entries].map(([outer, inner]) => [outer === "1", inner])
  }
}

export const kinds: ReadonlyArray<Kind> = [
  gCounter,
  pnCounter,
  orSet,
  mvRegister,
  lwwRegister,
  mapOfSets,
  mapOfCounters,
  mapOfMaps
]
