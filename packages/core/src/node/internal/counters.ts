/**
 * Counts of a node, in plain numbers that its metrics read.
 */
import type * as Context from "effect/Context"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import * as GossipMetrics from "../../GossipMetrics.ts"
import type { Tag } from "../../wire/Message.ts"

type Attributes = { readonly [name: string]: string }

/** One count. */
export interface Cell {
  count: number
}

export class Counters {
  readonly #context: Context.Context<never>
  readonly #attributes: Attributes
  readonly #cells = new Map<Metric.Counter<number>, Map<string, Cell>>()
  readonly #registrations: Array<Metric.Registration> = []

  // those of the packet's way, at hand without a look-up
  readonly datagramsIn: Cell
  readonly datagramsOut: Cell
  readonly datagramBytesIn: Cell
  readonly datagramBytesOut: Cell
  readonly duplicates: Cell
  readonly #messages = { in: new Map<Tag, Cell>(), out: new Map<Tag, Cell>() }

  constructor(context: Context.Context<never>, attributes: Attributes) {
    this.#context = context
    this.#attributes = attributes
    this.datagramsIn = this.#register(GossipMetrics.datagrams, { direction: "in" })
    this.datagramsOut = this.#register(GossipMetrics.datagrams, { direction: "out" })
    this.datagramBytesIn = this.#register(GossipMetrics.datagramBytes, { direction: "in" })
    this.datagramBytesOut = this.#register(GossipMetrics.datagramBytes, { direction: "out" })
    this.duplicates = this.#register(GossipMetrics.duplicates, {})
  }

  /** Counts a message. */
  message(kind: Tag, direction: "in" | "out"): void {
    const cells = this.#messages[direction]
    let cell = cells.get(kind)
    if (cell === undefined) cells.set(kind, cell = this.#register(GossipMetrics.messages, { kind, direction }))
    cell.count++
  }

  /** Counts once more in the series that a single attribute names. */
  count(metric: Metric.Counter<number>, attribute: string, label: string): void {
    const cell = this.#cells.get(metric)?.get(label)
    if (cell === undefined) this.add(metric, { [attribute]: label })
    else cell.count++
  }

  /** Counts once more, or `by` more, in the series that the attributes name. */
  add(metric: Metric.Counter<number>, attributes: Attributes, by = 1): void {
    let cells = this.#cells.get(metric)
    if (cells === undefined) this.#cells.set(metric, cells = new Map())
    const key = Object.values(attributes).join(" ")
    let cell = cells.get(key)
    if (cell === undefined) cells.set(key, cell = this.#register(metric, attributes))
    cell.count += by
  }

  /** A value that is read when metrics are. */
  gauge(metric: Metric.Gauge<number>, attributes: Attributes, read: () => number): void {
    this.#registrations.push(Metric.registerUnsafe(
      Metric.withAttributes(metric, { ...this.#attributes, ...attributes }),
      this.#context,
      { get: () => ({ value: read() }), update: constVoid, modify: constVoid }
    ))
  }

  /** A count that somebody else keeps, and that is read when metrics are. */
  counter(metric: Metric.Counter<number>, attributes: Attributes, read: () => number): void {
    this.#registrations.push(Metric.registerUnsafe(
      Metric.withAttributes(metric, { ...this.#attributes, ...attributes }),
      this.#context,
      { get: () => ({ count: read(), incremental: true }), update: constVoid, modify: constVoid }
    ))
  }

  /** Takes the series away. */
  remove(): void {
    for (const registration of this.#registrations) registration.remove()
  }

  #register(metric: Metric.Counter<number>, attributes: Attributes): Cell {
    const cell: Cell = { count: 0 }
    this.counter(metric, attributes, () => cell.count)
    return cell
  }
}
