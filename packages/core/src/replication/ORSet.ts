/**
 * A set to which an element can be added again after it was removed: a removal takes away what its writer had seen, so that
 * who adds wins over who removes at the same time (Bieniusa et al., "An optimized conflict-free replicated set", 2012).
 *
 * **Example** (Who adds wins)
 *
 * ```ts import.meta.vitest
 * import { ORSet } from "@effect-gossip/core/replication"
 * import { Schema } from "effect"
 *
 * const Members = ORSet.make(Schema.Struct({ id: Schema.Int }))
 * const a = { node: "a", incarnation: 1 }
 * const b = { node: "b", incarnation: 1 }
 *
 * const both = Members.add(Members.empty, a, { id: 7 })
 * const atA = Members.remove(both, { id: 7 })
 * const atB = Members.add(both, b, { id: 7 })
 * Members.value(Members.merge(Members.merge(both, atA), atB)) // => [{ id: 7 }]
 * ```
 *
 * Elements are told apart by their encoding (`SchemaBinary`, evolvable): their schema must not come to encode a value in
 * another way while nodes of both versions run, and what others encode in another way is refused. What is to change is
 * better held in an `ORMap`, under an id.
 *
 * @since 0.1.0
 */
import * as Crdt from "./Crdt.ts"
import { of } from "./internal/crdt/context.ts"
import { type DotMap, dotMap, type DotSet, dotSet, sortedKeys } from "./internal/crdt/dotStore.ts"
import { nextDot, removal } from "./internal/crdt/state.ts"
import { type Codec, identities } from "./internal/crdt/values.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** The elements, each under the writes that added it: one, unless several did at the same time. */
export type Store<A> = DotMap<A, DotSet>

/** A state or a delta of a set. */
export type State<A> = Crdt.State<Store<A>>

/** A set. Its value is its elements in the order of their encodings. */
export interface ORSet<A> extends Crdt.Crdt<Store<A>, ReadonlyArray<A>> {
  /** The delta that adds an element. Throws for what is not of the schema, and for what has no encoding of its own. */
  readonly add: (state: State<A>, replica: Crdt.Replica, element: A) => State<A>

  /** The delta that removes an element; an empty one when it is not there. */
  readonly remove: (state: State<A>, element: A) => State<A>

  readonly has: (state: State<A>, element: A) => boolean
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** A set of elements of a schema. Define it once, and use it for all sets of these elements. */
export const make = <S extends Codec>(element: S): ORSet<S["Type"]> => {
  type A = S["Type"]
  const elements = identities(element)
  const crdt = Crdt.make<Store<A>, ReadonlyArray<A>>("ORSet", {
    store: dotMap(elements, dotSet),
    value: (store) => sortedKeys(store).map((text) => store.get(text)!.key),
    numbers: [3]
  })
  return {
    ...crdt,
    add: ({ context, store }, replica, element) => {
      const text = elements.checkedText(element)
      const dot = nextDot(context, replica)
      // takes the place of all that added it before
      const before = store.get(text)?.store ?? []
      return {
        store: new Map([[text, { key: element, store: [{ dot, payload: null }] }]]),
        context: of([...before.map(({ dot }) => dot), dot])
      }
    },
    remove: ({ store }, element) => removal(dotSet, store.get(elements.text(element))?.store ?? [], crdt.empty),
    has: ({ store }, element) => store.has(elements.text(element))
  }
}
