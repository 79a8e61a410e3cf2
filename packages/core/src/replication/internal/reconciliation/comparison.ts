/**
 * What the strategies have in common. The node that opens a session runs a {@link Comparison}; the other answers questions,
 * each by itself (`answering.ts`), so that no peer can have it keep anything.
 */
import { type Answer, itemSize, packItems, type Question, unpackItems } from "../../../wire/ReconciliationMessage.ts"
import type { ItemIndex, Summary } from "./itemIndex.ts"
import type { Item } from "./items.ts"

/** How replicas are compared: see `Reconciliation.ts`. */
export type Strategy = "digest" | "checksum" | "merkle" | "rateless"

/** Strategies by their number on the wire. */
export const strategies: ReadonlyArray<Strategy> = ["digest", "checksum", "merkle", "rateless"]

/** Which way entries travel, as the node sees it that opens the session (Demers et al. 1987, §1.3). */
export type Mode = "push" | "pull" | "pushPull"

/** A replica, as far as reconciliation is concerned. */
export interface Replica<Key> {
  readonly index: ItemIndex<Key>
  /** The entry under a key, encoded; undefined when there is none any more. */
  readonly read: (key: Key) => Uint8Array | undefined
  /**
   * Merges an entry that a peer sent, whatever it is. It is a view of a larger buffer: copy what is to be kept. Of what it
   * changes the index must be told before it returns. Returns false for what is none, to end the session as `Malformed`.
   */
  readonly write: (entry: Uint8Array) => unknown
}

/** What a comparison finds out. */
export interface Findings {
  /** The peer holds it, and this node does not. */
  readonly lacking: (high: number, low: number) => void
  /** This node holds it, and the peer does not. */
  readonly surplus: (high: number, low: number) => void
}

/** An answer to the opening that says that the replicas differ. */
export type Differ = Extract<Answer, { readonly _tag: "ReplicasDiffer" }>

/**
 * What a comparison does next:
 *
 * - `Ask` a question;
 * - `Transfer` what was found, and open again;
 * - `Fall` back to `merkle`, which is sure to end;
 * - `Done`.
 */
export type Next =
  | { readonly _tag: "Ask"; readonly question: Question }
  | { readonly _tag: "Transfer" }
  | { readonly _tag: "Fall" }
  | { readonly _tag: "Done" }

/** One session's way to find out what differs. */
export interface Comparison {
  readonly next: () => Next
  /** Takes the answer to the question. Entries in it are seen to already. False when it is not one. */
  readonly take: (answer: Answer) => boolean
}

// -----------------------------------------------------------------------------
// messages
// -----------------------------------------------------------------------------

/** Bytes of a message without its lists, and more. */
export const headSize = 64

/** Largest question and answer of a digest, entries aside, so that it fits a datagram. */
export const maxDatagramSize = 1400

/** Most items that fit a datagram, with a summary. */
export const itemsPerDatagram = Math.floor((maxDatagramSize - headSize) / itemSize)

/** The field of one item. */
export const packItem = ({ high, low }: Item): Uint8Array => packItems(Uint32Array.of(high, low))

/** The item of a field; `absent` for none. */
export const unpackItem = (bytes: Uint8Array | undefined, absent: Item): Item => {
  if (bytes === undefined) return absent
  const [high = 0, low = 0] = unpackItems(bytes)
  return { high, low }
}

/** The fields of a summary. */
export const packSummary = ({ checked, count, high, low }: Summary): { count: number; sum: Uint8Array } => ({
  count,
  sum: packWords(high, low, checked)
})

const packWords = (...words: ReadonlyArray<number>): Uint8Array => packItems(Uint32Array.from(words))

/** The summary of its fields. */
export const unpackSummary = ({ count, sum }: { readonly count: number; readonly sum: Uint8Array }): Summary => {
  const view = new DataView(sum.buffer, sum.byteOffset, sum.byteLength)
  return { count, high: view.getUint32(0), low: view.getUint32(4), checked: view.getUint32(8) }
}

/** Whether two sets are the same. */
export const isEqual = (a: Summary, b: Summary): boolean =>
  a.count === b.count && a.high === b.high && a.low === b.low && a.checked === b.checked

/** The field `mode` of a question. */
export const modeField = (mode: Mode): { mode?: number } => mode === "pushPull" ? {} : { mode: mode === "push" ? 1 : 2 }

/** Calls `f` with the items of a packed list. */
export const forEachItem = (bytes: Uint8Array | undefined, f: (high: number, low: number) => void): void => {
  if (bytes === undefined) return
  const items = unpackItems(bytes)
  for (let i = 0; i < items.length; i += 2) f(items[i]!, items[i + 1]!)
}
