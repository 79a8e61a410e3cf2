/**
 * Histories of a few replicas that write, lose deltas, hear of them late and often, merge with each other, and are restarted
 * with and without what they held.
 */
import * as Arbitrary from "effect/Arbitrary"
import type * as Crdt from "../../src/replication/Crdt.ts"
import { between, of } from "../support/arbitraries.ts"
import type { Choice, Kind, Operation } from "./kinds.ts"

const nodes = ["a", "b", "c"]

export interface Step {
  readonly action: "write" | "deliver" | "merge" | "restart" | "forget"
  readonly node: number
  readonly other: number
  readonly choice: Choice
}

const number = (minimum: number, maximum: number) => Arbitrary.schema(between(minimum, maximum))

const step: Arbitrary.Arbitrary<Step> = Arbitrary.all({
  action: of([
    "write",
    "write",
    "write",
    "write",
    "deliver",
    "deliver",
    "deliver",
    "merge",
    "merge",
    "restart",
    "forget"
  ]),
  node: number(0, 2),
  other: number(0, 1000),
  choice: Arbitrary.all({ what: number(0, 9), where: number(0, 2) })
})

export const steps = (options?: Arbitrary.ArrayOptions) =>
  Arbitrary.array(step, { minLength: 1, maxLength: 40, ...options })

/** Whole numbers by which to choose from what a history leaves. */
export const choices = (length: number) => Arbitrary.array(number(0, 1000), { minLength: length, maxLength: length })

export class Node {
  incarnation = 1
  state: any
  /** The operations that it has heard of. */
  heard = new Set<Operation>()
  readonly node: string

  constructor(node: string, empty: unknown) {
    this.node = node
    this.state = empty
  }

  get replica(): Crdt.Replica {
    return { node: this.node, incarnation: this.incarnation }
  }
}

export class History {
  readonly nodes: ReadonlyArray<Node>
  readonly deltas: Array<{ readonly delta: any; readonly operations: ReadonlySet<Operation> }> = []
  /** All states that there ever were. */
  readonly states: Array<any> = []
  readonly kind: Kind

  constructor(kind: Kind, steps: ReadonlyArray<Step> = []) {
    this.kind = kind
    this.nodes = nodes.map((name) => new Node(name, kind.crdt.empty))
    for (const step of steps) this.step(step)
  }

  step({ action, choice, node: index, other }: Step): void {
    const node = this.nodes[index]!
    switch (action) {
      case "write": {
        this.write(node, choice)
        break
      }
      case "deliver": {
        const { delta, operations } = this.deltas[other % this.deltas.length] ?? { delta: undefined, operations: [] }
        if (delta !== undefined) this.put(node, delta, operations)
        break
      }
      case "merge": {
        const from = this.nodes[other % this.nodes.length]!
        this.put(node, from.state, from.heard)
        break
      }
      case "restart": {
        node.incarnation++
        break
      }
      case "forget": {
        node.incarnation++
        node.state = this.kind.crdt.empty
        node.heard = new Set()
        break
      }
    }
  }

  write(node: Node, choice: Choice): void {
    const { mean, mutate } = this.kind
    const delta = mutate(node.state, node.replica, choice)
    const meant = mean(live(node.heard), node.replica, choice)
    const operations = new Set<Operation>(
      meant === undefined ? [] : [{ ...meant, replica: node.replica, index: this.deltas.length }]
    )
    this.deltas.push({ delta, operations })
    this.put(node, delta, operations)
  }

  put(node: Node, state: any, operations: Iterable<Operation>): void {
    node.state = this.kind.crdt.merge(node.state, state)
    node.heard = new Set([...node.heard, ...operations])
    this.states.push(node.state)
  }

  /** All that was ever written, merged from full states. */
  get everything(): any {
    return this.states.reduce(this.kind.crdt.merge, this.kind.crdt.empty)
  }

  /** States and deltas. */
  get all(): ReadonlyArray<any> {
    return [this.kind.crdt.empty, ...this.states, ...this.deltas.map(({ delta }) => delta)]
  }
}

/** The operations that no other one cancels, and that say something. */
export const live = (operations: ReadonlySet<Operation>): ReadonlyArray<Operation> => {
  const cancelled = new Set([...operations].flatMap(({ cancels }) => [...cancels]))
  return [...operations].filter((operation) => operation.content !== undefined && !cancelled.has(operation))
}

/** Puts values into an order by numbers. */
export const shuffle = <A>(values: ReadonlyArray<A>, by: ReadonlyArray<number>): ReadonlyArray<A> => {
  const rest = [...values]
  return values.map((_, i) => rest.splice(by[i % by.length]! % rest.length, 1)[0]!)
}
