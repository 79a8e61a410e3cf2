/**
 * How two replicas find out in what they differ, without telling each other all that they hold: the comparison of
 * anti-entropy.
 *
 * A replica is a set of entries, each under a key and with a version. What is compared are *items*, hashes of key and version
 * together, which an {@link ItemIndex} keeps ready for each strategy:
 *
 * | strategy   | compares                                              | costs, of n items of which d differ            |
 * | ---------- | ----------------------------------------------------- | ---------------------------------------------- |
 * | `digest`   | all items, page by page                               | 8 bytes · n, n / 167 round trips               |
 * | `checksum` | the 167 latest, and all if that was not it            | 1.4 to 4 kB and 4 round trips, or as `digest`  |
 * | `merkle`   | a tree of hashes over the keys, down to what differs  | 264 bytes · d at d = 100 of n = 100,000, 6     |
 * | `rateless` | coded symbols, as many as it takes to decode d items  | 23 to 29 bytes · d, whatever n; some 12        |
 *
 * All of them begin with a checksum of 12 bytes, so that equal replicas are done with one question of 27 bytes and an answer
 * of 7. `pnpm lab reconcile` measures them. A key of which both have a version, each another, makes two differing items.
 *
 * Who opens a session runs a {@link Session}; the other gives an {@link answer} to each question, and remembers nothing.
 * Both are state machines: questions and answers are messages (`wire/ReconciliationMessage.ts`), and it is for the caller to
 * send them. The first question and its answer fit a datagram; the others may take as much as an exchange, but for pages,
 * which fit a datagram apart from the entries that come with them. An entry may be as large as {@link maxEntrySize} says.
 *
 * **Example** (Reconciling two sets of words)
 *
 * ```ts import.meta.vitest
 * import * as Reconciliation from "@effect-gossip/core/replication/Reconciliation"
 *
 * const utf8 = new TextEncoder()
 * const text = new TextDecoder()
 *
 * class Words {
 *   readonly index = new Reconciliation.ItemIndex<string>(1)
 *   readonly held: Array<string> = []
 *
 *   constructor(...words: ReadonlyArray<string>) {
 *     for (const word of words) this.add(word)
 *   }
 *
 *   add(word: string): void {
 *     const item = Reconciliation.hash([1, 2], utf8.encode(word))
 *     if (this.index.add(item, item.high, word)) this.held.push(word)
 *   }
 *
 *   readonly read = (word: string) => utf8.encode(word)
 *   readonly write = (entry: Uint8Array) => this.add(text.decode(entry))
 * }
 *
 * const a = new Words("apple", "pear", "plum")
 * const b = new Words("apple", "cherry", "pear")
 *
 * const session = new Reconciliation.Session(a, Reconciliation.defaults)
 * for (let question = session.next(); question !== undefined; question = session.next()) {
 *   session.receive(Reconciliation.answer(b, question, Reconciliation.defaults.maxBytes)!)
 * }
 *
 * a.held // => ["apple", "pear", "plum", "cherry"]
 * b.held // => ["apple", "cherry", "pear", "plum"]
 * ```
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as session from "./internal/reconciliation/session.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** How replicas are compared. */
export const Strategy = Schema.Literals(["digest", "checksum", "merkle", "rateless"])

/** @since 0.1.0 */
export type Strategy = typeof Strategy.Type

/** Which way entries travel, as the node sees it that opens the session (Demers et al. 1987, §1.3). */
export const Mode = Schema.Literals(["push", "pull", "pushPull"])

/** @since 0.1.0 */
export type Mode = typeof Mode.Type

export type { Replica } from "./internal/reconciliation/comparison.ts"

export {
  /** The items of a replica, which the replica tells of each change. */
  ItemIndex
} from "./internal/reconciliation/itemIndex.ts"

export {
  /**
   * HalfSipHash-2-4: makes items of the bytes of a key and a version, one behind the other so that it is clear where the
   * version begins, and a position of those of the key alone.
   */
  hash,
  type HashKey,
  type Item
} from "./internal/reconciliation/items.ts"

// -----------------------------------------------------------------------------
// sessions
// -----------------------------------------------------------------------------

/** How sessions are run, if nothing else is said. */
export const defaults: session.Options = {
  strategy: "rateless",
  mode: "pushPull",
  maxBytes: 4 * 1024 * 1024,
  ...session.defaults
}

export {
  type Options,
  type Outcome,
  type Report,
  /** A session, as the node runs it that opens it. */
  Session
} from "./internal/reconciliation/session.ts"

export {
  /** How a node answers in a session that a peer opened. */
  answer
} from "./internal/reconciliation/answering.ts"

export { maxEntrySize } from "./internal/reconciliation/entryPacker.ts"
