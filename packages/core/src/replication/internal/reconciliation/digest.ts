/**
 * `digest`: all that the one holds is listed, page by page, each of them a datagram. The whole of it costs 8 bytes an item,
 * whatever differs: what Demers et al. 1987 (§1.3) begin with. It needs nothing but the items in order.
 */
import { type Answer, packItems } from "../../../wire/ReconciliationMessage.ts"
import {
  type Comparison,
  type Findings,
  forEachItem,
  itemsPerDatagram,
  type Mode,
  modeField,
  type Next,
  packItem,
  type Replica,
  unpackItem
} from "./comparison.ts"
import { compare, type Item } from "./items.ts"

const first: Item = { high: 0, low: 0 }

const isBefore = (a: Item, b: Item): boolean => compare(a.high, a.low, b.high, b.low) < 0

export class Digest<Key> implements Comparison {
  readonly #replica: Replica<Key>
  readonly #findings: Findings
  readonly #mode: Mode
  #from: Item | undefined = first
  /** Where the page that was asked about ends. */
  #to: Item | undefined
  #pageSize = itemsPerDatagram

  constructor(replica: Replica<Key>, findings: Findings, mode: Mode) {
    this.#replica = replica
    this.#findings = findings
    this.#mode = mode
  }

  next(): Next {
    const from = this.#from
    if (from === undefined) return { _tag: "Done" }
    const items = new Uint32Array(2 * this.#pageSize)
    let size = 0
    let to: Item | undefined
    this.#replica.index.forEachFrom(from, (high, low) => {
      if (size === items.length) {
        to = { high, low }
        return false
      }
      items[size++] = high
      items[size++] = low
      return true
    })
    this.#to = to
    return {
      _tag: "Ask",
      question: {
        _tag: "ComparePage",
        items: packItems(items.subarray(0, size)),
        ...(from === first ? undefined : { from: packItem(from) }),
        ...(to === undefined ? undefined : { to: packItem(to) }),
        ...modeField(this.#mode)
      }
    }
  }

  take(answer: Answer): boolean {
    if (answer._tag !== "PageCompared" || this.#from === undefined) return false
    forEachItem(answer.wants, this.#findings.surplus)
    if (answer.to === undefined) {
      this.#from = this.#to
      this.#pageSize = Math.min(itemsPerDatagram, 2 * this.#pageSize)
      return true
    }
    const to = unpackItem(answer.to, first)
    if (!isBefore(this.#from, to) || this.#to !== undefined && !isBefore(to, this.#to)) return false
    // its entries between these items did not fit the answer: the rest is named again, so name less at once
    this.#from = to
    this.#pageSize = Math.max(1, this.#pageSize >>> 1)
    return true
  }
}
