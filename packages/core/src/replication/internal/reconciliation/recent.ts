/**
 * `checksum`: when the checksums differ, what both have taken in of late is compared first, and the checksums again; only if
 * they still differ, everything (Demers et al. 1987, §1.3). Where updates spread as rumors and few are missed, what differs
 * is nearly always recent.
 *
 * The recent update list is that of the last items that fit a datagram rather than of a time, so that its size is known.
 */
import { type Answer, packItems } from "../../../wire/ReconciliationMessage.ts"
import {
  type Comparison,
  type Differ,
  type Findings,
  forEachItem,
  itemsPerDatagram,
  type Mode,
  modeField,
  type Next,
  type Replica
} from "./comparison.ts"
import { keyOf } from "./items.ts"

export class Recent<Key> implements Comparison {
  readonly #replica: Replica<Key>
  readonly #findings: Findings
  readonly #mode: Mode
  readonly #named = new Set<number>()
  #isAsked = false

  constructor(replica: Replica<Key>, findings: Findings, mode: Mode, differ: Differ) {
    this.#replica = replica
    this.#findings = findings
    this.#mode = mode
    forEachItem(differ.recent, (high, low) => {
      this.#named.add(keyOf(high, low))
      if (!replica.index.has(high, low)) findings.lacking(high, low)
    })
  }

  next(): Next {
    if (this.#isAsked) return { _tag: "Transfer" }
    const recent = this.#replica.index.recent(itemsPerDatagram)
    let size = 0
    for (let i = 0; i < recent.length; i += 2) {
      if (this.#named.has(keyOf(recent[i]!, recent[i + 1]!))) continue
      recent[size++] = recent[i]!
      recent[size++] = recent[i + 1]!
    }
    return {
      _tag: "Ask",
      question: { _tag: "CompareRecent", items: packItems(recent.subarray(0, size)), ...modeField(this.#mode) }
    }
  }

  take(answer: Answer): boolean {
    if (answer._tag !== "RecentCompared") return false
    this.#isAsked = true
    forEachItem(answer.wants, this.#findings.surplus)
    return true
  }
}
