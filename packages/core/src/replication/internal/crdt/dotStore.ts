/**
 * Dot stores: what is held under the dots of the writes that put it there (Almeida, Shoker, Baquero 2018, §7.2).
 *
 * A dot that a replica has seen and whose store holds it not was removed, or replaced by a later write. So nothing has to
 * be kept of what was removed: no tombstones, as in the optimized OR-set (Bieniusa et al. 2012).
 *
 * For one dot at one place, a replica has not seen it, or it holds it, or it has seen it and holds it no more. A join
 * takes the later of two of these, and where both hold it joins what they hold: it is commutative, associative and
 * idempotent because that is, for whatever two stores and contexts, provided that a store's dots are in its context.
 */
import { Malformed, type Reader, type Writer } from "./bytes.ts"
import { compareDots, contains, type Context, type Dot, empty as noDots, type Replica } from "./context.ts"

/** How dots are written: as the place of their replica in a table, and their number. */
export interface Table {
  readonly indexOf: (replica: Replica) => number
}

/** How dots are read. */
export interface Dots {
  /** A dot of the table, which is in the context of the state. Throws {@link Malformed} otherwise. */
  readonly at: (index: number, counter: number) => Dot
}

/** What can be done with dot stores of a kind. */
export interface DotStore<S> {
  readonly bottom: S
  readonly isBottom: (store: S) => boolean
  /** Gives back `a` itself when `b` changes nothing in it. */
  readonly join: (a: S, seenByA: Context, b: S, seenByB: Context) => S
  /** What remains for one who has seen `context`, and holds nothing of it. Gives back the store itself if all does. */
  readonly without: (store: S, context: Context) => S
  readonly isEqual: (a: S, b: S) => boolean
  readonly forEachDot: (store: S, visit: (dot: Dot) => void) => void
  /** What lives of a node below an incarnation wrote, in fewer dots where the kind can do with fewer. */
  readonly fold: (store: S, node: string, incarnation: number) => S
  readonly write: (writer: Writer, store: S, table: Table) => void
  readonly read: (reader: Reader, dots: Dots) => S
}

// -----------------------------------------------------------------------------
// a payload for each dot
// -----------------------------------------------------------------------------

export interface Entry<P> {
  readonly dot: Dot
  readonly payload: P
}

/** `DotFun`, in the order of the dots. */
export type DotFun<P> = ReadonlyArray<Entry<P>>

/** What can be done with payloads of a kind. */
export interface Payload<P> {
  /**
   * The join of two payloads of one dot: commutative, associative and idempotent. Gives back `a` itself when `b` adds
   * nothing. A write has one payload, so this is for kinds that fold, and for replicas that broke the rules.
   */
  readonly join: (a: P, b: P) => P
  readonly isEqual: (a: P, b: P) => boolean
  /** What stands for all of several entries of one node, in the order of their dots. Without it they stay. */
  readonly fold?: (entries: DotFun<P>) => DotFun<P>
  readonly write: (writer: Writer, payload: P) => void
  readonly read: (reader: Reader) => P
}

export const dotFun = <P>(payload: Payload<P>): DotStore<DotFun<P>> => {
  const without = (store: DotFun<P>, context: Context): DotFun<P> =>
    store.some(({ dot }) => contains(context, dot)) ? store.filter(({ dot }) => !contains(context, dot)) : store

  const join = (a: DotFun<P>, seenByA: Context, b: DotFun<P>, seenByB: Context): DotFun<P> => {
    if (b.length === 0) return without(a, seenByB)
    const joined: Array<Entry<P>> = []
    let isNew = false
    for (let i = 0, j = 0; i < a.length || j < b.length;) {
      const x = a[i]
      const y = b[j]
      const order = x === undefined ? 1 : y === undefined ? -1 : compareDots(x.dot, y.dot)
      if (order <= 0) i++
      if (order >= 0) j++
      if (order < 0) {
        if (contains(seenByB, x!.dot)) isNew = true
        else joined.push(x!)
      } else if (order > 0) {
        if (contains(seenByA, y!.dot)) continue
        joined.push(y!)
        isNew = true
      } else {
        const both = payload.join(x!.payload, y!.payload)
        joined.push(both === x!.payload ? x! : { dot: x!.dot, payload: both })
        isNew ||= both !== x!.payload
      }
    }
    return isNew ? joined : a
  }

  return {
    bottom: [],
    isBottom: (store) => store.length === 0,
    join,
    without,
    isEqual: (a, b) =>
      a === b ||
      a.length === b.length &&
        a.every((x, i) => compareDots(x.dot, b[i]!.dot) === 0 && payload.isEqual(x.payload, b[i]!.payload)),
    forEachDot: (store, visit) => store.forEach(({ dot }) => visit(dot)),
    fold: (store, node, incarnation) => {
      const entries = store.filter(({ dot }) => dot.node === node && dot.incarnation < incarnation)
      return entries.length > 1 ? payload.fold?.(entries) ?? entries : entries
    },
    write: (writer, store, table) => {
      writer.number(store.length)
      for (const { dot, payload: held } of store) {
        writer.number(table.indexOf(dot))
        writer.number(dot.counter)
        payload.write(writer, held)
      }
    },
    read: (reader, dots) => {
      const store: Array<Entry<P>> = []
      for (let count = reader.number(); count > 0; count--) {
        const dot = dots.at(reader.number(), reader.number())
        const last = store.at(-1)
        if (last !== undefined && compareDots(last.dot, dot) >= 0) throw new Malformed("dots in ascending order")
        store.push({ dot, payload: payload.read(reader) })
      }
      return store
    }
  }
}

/** No payload: the dots themselves are what is held (`DotSet`). */
export const noPayload: Payload<null> = {
  join: (a) => a,
  isEqual: () => true,
  write: () => {},
  read: () => null
}

/** `DotSet`. */
export type DotSet = DotFun<null>

export const dotSet: DotStore<DotSet> = dotFun(noPayload)

// -----------------------------------------------------------------------------
// a store for each key
// -----------------------------------------------------------------------------

export interface Child<K, S> {
  readonly key: K
  readonly store: S
}

/** `DotMap`, by the text of the key's encoding. No child is bottom. */
export type DotMap<K, S> = ReadonlyMap<string, Child<K, S>>

/** How keys are read. */
export interface Keys<K> {
  /** The key with this encoding. Throws {@link Malformed} for what is none, or is another encoding of a key. */
  readonly read: (text: string) => K
}

/** The keys of a map, in the order of their encodings: in that of insertion they would differ from replica to replica. */
export const sortedKeys = (map: DotMap<unknown, unknown>): ReadonlyArray<string> => [...map.keys()].sort()

export const dotMap = <K, S>(keys: Keys<K>, child: DotStore<S>): DotStore<DotMap<K, S>> => {
  type Store = DotMap<K, S>

  const join = (a: Store, seenByA: Context, b: Store, seenByB: Context): Store => {
    let joined: Map<string, Child<K, S>> | undefined
    const put = (text: string, key: K, store: S) => {
      joined ??= new Map(a)
      if (child.isBottom(store)) joined.delete(text)
      else joined.set(text, { key, store })
    }
    for (const [text, { key, store }] of a) {
      const other = b.get(text)
      const both = other === undefined
        ? child.without(store, seenByB)
        : child.join(store, seenByA, other.store, seenByB)
      if (both !== store) put(text, key, both)
    }
    for (const [text, { key, store }] of b) {
      if (a.has(text)) continue
      const rest = child.without(store, seenByA)
      if (!child.isBottom(rest)) put(text, key, rest)
    }
    return joined ?? a
  }

  const bottom: Store = new Map()

  return {
    bottom,
    isBottom: (store) => store.size === 0,
    join,
    without: (store, context) => join(store, noDots, bottom, context),
    isEqual: (a, b) => {
      if (a === b) return true
      if (a.size !== b.size) return false
      for (const [text, { store }] of a) {
        const other = b.get(text)
        if (other === undefined || !child.isEqual(store, other.store)) return false
      }
      return true
    },
    forEachDot: (store, visit) => {
      for (const held of store.values()) child.forEachDot(held.store, visit)
    },
    fold: (store, node, incarnation) => {
      const folded = new Map<string, Child<K, S>>()
      for (const [text, { key, store: held }] of store) {
        const part = child.fold(held, node, incarnation)
        if (!child.isBottom(part)) folded.set(text, { key, store: part })
      }
      return folded
    },
    write: (writer, store, table) => {
      writer.number(store.size)
      for (const text of sortedKeys(store)) {
        writer.text(text)
        child.write(writer, store.get(text)!.store, table)
      }
    },
    read: (reader, dots) => {
      const store = new Map<string, Child<K, S>>()
      let last: string | undefined
      for (let count = reader.number(); count > 0; count--) {
        const text = reader.text()
        if (last !== undefined && text <= last) throw new Malformed("keys in ascending order")
        const key = keys.read(text)
        const held = child.read(reader, dots)
        if (child.isBottom(held)) throw new Malformed("something under each key")
        store.set(last = text, { key, store: held })
      }
      return store
    }
  }
}
