/**
 * A map of replicated data types: who updates a key wins over who removes it at the same time, and two who update it are
 * merged as the kind of its values says (Almeida, Shoker, Baquero 2018, §7.4.4).
 *
 * All keys share one causal context, so that a key that was removed leaves nothing behind. A key whose value holds nothing
 * is not there: a set from which the last element was removed, or a register that was cleared.
 *
 * **Example** (Carts by user)
 *
 * ```ts import.meta.vitest
 * import { ORMap, ORSet } from "@effect-gossip/core/replication"
 * import { Schema } from "effect"
 *
 * const Cart = ORSet.make(Schema.String)
 * const Carts = ORMap.make({ key: Schema.String, value: Cart })
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const before = Carts.update(Carts.empty, "ada", (cart) => Cart.add(cart, a, "tea"))
 * const removed = Carts.remove(before, "ada")
 * const updated = Carts.update(before, "ada", (cart) => Cart.add(cart, b, "milk"))
 * Carts.value(Carts.merge(Carts.merge(before, removed), updated)) // => [["ada", ["milk"]]]
 * ```
 *
 * Keys are told apart by their encoding, as elements of an `ORSet` are.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Crdt from "./Crdt.ts"
import { contains, of, subtract, unite } from "./internal/crdt/context.ts"
import { type DotMap, dotMap, sortedKeys } from "./internal/crdt/dotStore.ts"
import { dotsOf, removal } from "./internal/crdt/state.ts"
import { type Codec, identities } from "./internal/crdt/values.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** What is held under the keys. */
export type Store<K, S> = DotMap<K, S>

/** A state or a delta of a map. */
export type State<K, S> = Crdt.State<Store<K, S>>

/** A map of values that are replicated data types. Its value is its entries in the order of the encoded keys. */
export interface ORMap<K, S, A> extends Crdt.Crdt<Store<K, S>, ReadonlyArray<readonly [key: K, value: A]>> {
  /**
   * The delta that changes what is under a key, by a mutator of the values' own: it is given the state under the key, an
   * empty one where there is none, and returns a delta. Throws for a key that is not of the schema, and for one that has no
   * encoding of its own.
   */
  readonly update: (
    state: State<K, S>,
    key: K,
    mutate: (value: Crdt.State<S>) => Crdt.State<S>
  ) => State<K, S>

  /** The delta that removes a key; an empty one when it is not there. */
  readonly remove: (state: State<K, S>, key: K) => State<K, S>

  readonly has: (state: State<K, S>, key: K) => boolean

  /** What the value under a key says. */
  readonly get: (state: State<K, S>, key: K) => Option.Option<A>

  /** The state under a key, for reading; an empty one where there is none. It is merged as a part of the map only. */
  readonly child: (state: State<K, S>, key: K) => Crdt.State<S>
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** A map from keys of a schema to values of a replicated data type, which may be a map itself. */
export const make = <K extends Codec, S, A>(options: {
  readonly key: K
  readonly value: Crdt.Crdt<S, A>
}): ORMap<K["Type"], S, A> => {
  type Key = K["Type"]
  const keys = identities(options.key)
  const { kind } = options.value
  const crdt = Crdt.make<Store<Key, S>, ReadonlyArray<readonly [Key, A]>>(`ORMap<${options.value.name}>`, {
    store: dotMap(keys, kind.store),
    value: (store) =>
      sortedKeys(store).map((text) => {
        const child = store.get(text)!
        return [child.key, kind.value(child.store)]
      }),
    numbers: [6, ...kind.numbers]
  })
  const storeOf = ({ store }: State<Key, S>, text: string): S => store.get(text)?.store ?? kind.store.bottom
  return {
    ...crdt,
    update: (state, key, mutate) => {
      const text = keys.checkedText(key)
      const held = storeOf(state, text)
      const { context: seen, store } = mutate({ store: held, context: state.context })
      // Of what is under the key, and of writes that are new. If `mutate` returned more than a delta, it would remove what is
      // under all other keys.
      const context = unite(
        of([...dotsOf(kind.store, held).filter((dot) => contains(seen, dot)), ...dotsOf(kind.store, store)]),
        subtract(seen, state.context)
      )
      if (context.size === 0) return crdt.empty
      return { store: kind.store.isBottom(store) ? crdt.empty.store : new Map([[text, { key, store }]]), context }
    },
    remove: (state, key) => removal(kind.store, storeOf(state, keys.text(key)), crdt.empty),
    has: ({ store }, key) => store.has(keys.text(key)),
    get: ({ store }, key) => {
      const child = store.get(keys.text(key))
      return child === undefined ? Option.none() : Option.some(kind.value(child.store))
    },
    child: (state, key) => ({ store: storeOf(state, keys.text(key)), context: state.context })
  }
}
