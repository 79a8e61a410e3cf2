/**
 * Replicated data types that need no agreement: replicas write at any time, and those that have heard of the same writes
 * hold the same.
 *
 * All of them are causal δ-CRDTs (Almeida, Shoker, Baquero: "Delta state replicated data types", 2018): a state is what
 * is held, each under the number of the write that put it there, and the context of all writes that were seen. What was
 * seen and is no longer held was removed or replaced, so that no tombstones are kept (Bieniusa et al., "An optimized
 * conflict-free replicated set", 2012).
 *
 * | kind          | holds                        | writes that do not know of each other               |
 * | ------------- | ---------------------------- | --------------------------------------------------- |
 * | `GCounter`    | a number that only grows     | all count                                           |
 * | `PNCounter`   | a number                     | all count                                           |
 * | `ORSet`       | a set                        | who adds wins over who removes                      |
 * | `MVRegister`  | a value, or several          | all are kept, until the next write                  |
 * | `LWWRegister` | a value                      | the one with the highest timestamp                  |
 * | `ORMap`       | one of these under each key  | who updates wins over who removes; else as the kind |
 *
 * Mutators change nothing: they return a **delta**, a state that holds the write alone. The writer merges it into its own
 * state, and sends it to others, who do the same. Deltas may come late, often and in any order; one that gets lost is made
 * up for by merging the whole state, or any state that has it. Until then what the lost write removed or replaced may still
 * show, though counters count nothing twice. {@link Crdt.merge} is commutative, associative and idempotent for whatever
 * states there are.
 *
 * **Example** (Two replicas write at once)
 *
 * ```ts import.meta.vitest
 * import { ORSet } from "@effect-gossip/core/replication"
 * import { Schema } from "effect"
 *
 * const Tags = ORSet.make(Schema.String)
 * const a = { node: "a", incarnation: 1_700_000_000_000 }
 * const b = { node: "b", incarnation: 1_700_000_000_500 }
 *
 * const before = Tags.add(Tags.empty, a, "red")
 * const removed = Tags.remove(before, "red") // by one who has seen it
 * const added = Tags.add(before, b, "red") // at the same time
 *
 * Tags.value(Tags.merge(before, removed)) // => []
 * Tags.value(Tags.merge(Tags.merge(before, removed), added)) // => ["red"]
 * ```
 *
 * **Replicas.** A replica is one life of a node: its name and incarnation. A node that was restarted without what it had
 * written is another replica, since it would give the numbers of its former writes again. One that has its state from a
 * store, with all that it ever told anybody, may go on as the same: a state then grows with the nodes, not with restarts.
 * {@link Crdt.lastWrite} shows whether somebody knows more writes of a replica than it made.
 *
 * **Growth.** A state takes about 20 bytes for each replica that ever wrote, besides what it holds. {@link Crdt.retire}
 * makes one of all lives of a node that have ended. What remains is one entry a node that ever wrote, for as long as the
 * state lives: names that are used once (of pods that are numbered by chance) do not belong into long-lived states.
 * An encoded state has at most {@link maxStateSize} bytes, and what is encoded larger is refused on both sides.
 *
 * **Costs.** A merge takes time with the size of the larger state, however small the delta: about 5 ms with 10,000 elements,
 * and 60 ms to read as many from bytes, which is where each of them is checked. What grows beyond is better kept as several.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { Incarnation, NodeId } from "../wire/Message.ts"
import { Malformed, maxStateSize } from "./internal/crdt/bytes.ts"
import * as context from "./internal/crdt/context.ts"
import type { DotStore } from "./internal/crdt/dotStore.ts"
import * as state from "./internal/crdt/state.ts"

export {
  /** Most that an encoded state may take, in bytes (1 MiB): several fit an exchange of 4 MiB. */
  maxStateSize
}

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** Who writes: one life of a node. No two processes may write as the same. */
export const Replica = Schema.Struct({ node: NodeId, incarnation: Incarnation })

/** @since 0.1.0 */
export type Replica = typeof Replica.Type

/** What a replica holds, or a delta. What it is made of is for {@link Crdt} to know. */
export type State<S> = state.State<S>

/** What a kind is made of, by which an `ORMap` can hold it under its keys. */
export interface Kind<S, A> {
  readonly store: DotStore<S>
  readonly value: (store: S) => A
  /** What its encoding begins with, so that a state is not taken for one of another kind. */
  readonly numbers: ReadonlyArray<number>
}

/** A replicated data type: states that hold values of type `A`. Its mutators are those of the kind. */
export interface Crdt<S, A> {
  readonly name: string

  /** Holds nothing, and has seen nothing. */
  readonly empty: State<S>

  /** What the state says. */
  readonly value: (state: State<S>) => A

  /** The join of two states, or of a state and a delta. Gives back `a` itself when `b` says nothing new. */
  readonly merge: (a: State<S>, b: State<S>) => State<S>

  /** Whether two states hold the same and have seen the same: then, and only then, they are encoded alike. */
  readonly isEqual: (a: State<S>, b: State<S>) => boolean

  /**
   * A delta that removes all that the state holds, and nothing that it has not seen. What has been removed leaves its trace
   * in the context alone.
   */
  readonly clear: (state: State<S>) => State<S>

  /**
   * A delta that makes one of all lives of a node below an incarnation: they are taken for seen as a whole, counters add up
   * what they counted, and they can write no more.
   *
   * To be used when **these lives have ended, and every live member holds all that they wrote** (the state is stable), by
   * whoever notices first or by several. Replicas agree again in any case; but what of these lives is not in the state is
   * then lost, everywhere. A member that was away meanwhile must be reset, as with death certificates.
   */
  readonly retire: (state: State<S>, node: string, incarnation: number) => State<S>

  /**
   * The number of the last write of a replica that the state has seen; 0 for none, and undefined for one that was retired. A
   * replica that meets a higher number than it gave must go on under another incarnation.
   */
  readonly lastWrite: (state: State<S>, replica: Replica) => number | undefined

  /**
   * The one encoding of a state, which is the same wherever {@link Crdt.isEqual} holds: for sending, storing and hashing.
   * What decodes is a state that may be merged: bounded, with all its parts consistent, and encoded as here.
   */
  readonly schema: Schema.Codec<State<S>, Uint8Array>

  readonly kind: Kind<S, A>
}

/** Any replicated data type. */
// oxlint-disable-next-line typescript/no-explicit-any -- states are invariant
export type Any = Crdt<any, any>

/** The states of a type. */
export type StateOf<C extends Any> = C["empty"]

/** What the states of a type say. */
export type ValueOf<C extends Any> = ReturnType<C["value"]>

// -----------------------------------------------------------------------------
// combinators
// -----------------------------------------------------------------------------

/**
 * One delta of several mutations, each of which is given what came of those before. Mutations of the same state by the same
 * replica would otherwise be two writes of one number.
 *
 * **Example** (Adding several elements)
 *
 * ```ts import.meta.vitest
 * import { Crdt, ORSet } from "@effect-gossip/core/replication"
 * import { Schema } from "effect"
 *
 * const Ports = ORSet.make(Schema.Int)
 * const a = { node: "a", incarnation: 1 }
 *
 * const delta = Crdt.sequence(Ports, Ports.empty, [80, 443].map((port) => (ports) => Ports.add(ports, a, port)))
 * Ports.value(delta) // => [80, 443]
 * ```
 */
export const sequence = <S, A>(
  crdt: Crdt<S, A>,
  state: State<S>,
  mutations: Iterable<(state: State<S>) => State<S>>
): State<S> => {
  let current = state
  let delta = crdt.empty
  for (const mutation of mutations) {
    const change = mutation(current)
    current = crdt.merge(current, change)
    delta = crdt.merge(delta, change)
  }
  return delta
}

// -----------------------------------------------------------------------------
// making
// -----------------------------------------------------------------------------

const isState = (u: unknown): u is State<never> =>
  Predicate.hasProperty(u, "store") && Predicate.hasProperty(u, "context")

const refuse = (problem: string, input: unknown) =>
  Effect.fail(new SchemaIssue.InvalidValue({ message: `Expected ${problem}` }, input))

/** All that is the same for all kinds. For the kinds of this library: what they are made of is internal. */
export const make = <S, A>(name: string, kind: Kind<S, A>): Crdt<S, A> => {
  const { numbers, store } = kind
  const empty: State<S> = { store: store.bottom, context: context.empty }
  const schema = Schema.Uint8Array.pipe(
    Schema.decodeTo(
      Schema.declare<State<S>>(isState, { identifier: name }),
      SchemaTransformation.transformEffect({
        decode: (bytes: Uint8Array) => {
          const decoded = state.decode(store, numbers, bytes)
          return decoded instanceof Malformed ? refuse(decoded.problem, bytes) : Effect.succeed(decoded)
        },
        encode: (held: State<S>) => {
          const bytes = state.encode(store, numbers, held)
          return bytes.length > maxStateSize ? refuse(`at most ${maxStateSize} bytes`, held) : Effect.succeed(bytes)
        }
      })
    )
  )
  return {
    name,
    empty,
    value: (held) => kind.value(held.store),
    merge: (a, b) => state.merge(store, a, b),
    isEqual: (a, b) => state.isEqual(store, a, b),
    clear: (held) => state.removal(store, held.store, empty),
    retire: (held, node, incarnation) => {
      state.checkIncarnation(incarnation)
      return context.isRetired(held.context, node, incarnation)
        ? empty
        : { store: store.fold(held.store, node, incarnation), context: context.below(node, incarnation) }
    },
    lastWrite: (held, replica) => context.lastCounter(held.context, replica),
    schema,
    kind
  }
}
