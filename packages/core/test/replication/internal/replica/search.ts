/**
 * A search for schedules under which replicas go wrong: writes and deletes on few keys while messages are lost, late and out
 * of order, nodes are cut off, for longer than deletes are remembered at times, crash, and come back with what they had stored
 * or without. What must hold is checked as it happens, and at the end, when all has healed.
 */
import type { ReplicaEvent, Version } from "../../../../src/replication/ReplicaMachine.ts"
import { Cluster, type ClusterOptions, type Node, spaceName, textOf } from "./harness.ts"

const keys = ["a", "b", "c"]

/** Times in milliseconds, all of them much shorter than in life. */
const retention = 2500
const duration = 5000

interface Recorded {
  readonly name: string
  readonly version: Version
  readonly key: string
  readonly value: string | undefined
  /** What its writer had seen under the key, by name. */
  readonly seen: ReadonlySet<string>
}

/** What a process has seen under a key, by name, and what of that it knows to be deleted. */
class Seen {
  readonly names: Set<string>
  readonly gone: Set<string>

  constructor(names?: Iterable<string>, gone?: Iterable<string>) {
    this.names = new Set(names)
    this.gone = new Set(gone)
  }

  add(write: Recorded, writes: ReadonlyMap<string, Recorded>): void {
    if (this.names.has(write.name)) return
    this.names.add(write.name)
    for (const name of write.seen) {
      if (write.value === undefined) this.gone.add(name)
      this.add(writes.get(name)!, writes)
    }
  }
}

/** What a process has seen under each key. */
type History = Map<string, Seen>

const nameOfVersion = ({ incarnation, timestamp }: Version): string =>
  `${timestamp.millis}.${timestamp.counter} ${timestamp.node} ${incarnation}`

const isLater = (a: Version, b: Version): boolean => {
  const [x, y] = [a.timestamp, b.timestamp]
  if (x.millis !== y.millis) return x.millis > y.millis
  if (x.counter !== y.counter) return x.counter > y.counter
  if (x.node !== y.node) return x.node > y.node
  return a.incarnation > b.incarnation
}

export class Search {
  readonly cluster: Cluster
  readonly problems: Array<string> = []
  readonly #writes = new Map<string, Recorded>()
  /** Written, and not acknowledged yet; and acknowledged. */
  readonly #acknowledged = new Map<string, Recorded>()
  /** What was held by a node that was reset. */
  readonly #dropped = new Set<string>()
  readonly #waiting = new Map<Node, Map<number, Recorded>>()
  readonly #histories = new Map<Node, History>()
  readonly #persisted = new Map<Node, Map<number, History>>()
  readonly #storedHistories: Array<History> = []
  readonly #watched = new Map<string, Recorded>()
  #watches = 0
  #values = 0
  /** Somebody was away for longer than deletes are remembered, or has lost all. */
  #hasLongAbsence = false
  readonly #away = new Map<number, number>()
  readonly #isDurable: boolean
  readonly #count: number

  constructor(seed: number) {
    const options: ClusterOptions = {
      seed: `replicas ${seed}`,
      isDurable: seed % 3 === 0,
      retention,
      // some refuse for a while what others write
      maxClockSkew: seed % 5 === 1 ? 250 : 1000,
      skew: (random) => random.int(600) - 300,
      stabilityInterval: seed % 2 === 0 ? 60 : 200,
      antiEntropy: {
        interval: 250,
        mode: (["pushPull", "pushPull", "pull", "push"] as const)[seed % 4]!,
        strategy: (["rateless", "merkle", "digest", "checksum"] as const)[(seed >> 2) % 4]!
      }
    }
    this.#isDurable = options.isDurable === true
    this.#count = 3 + seed % 3 % 2
    this.cluster = new Cluster(this.#count, options)
    const { cluster } = this
    const { random } = cluster
    cluster.onEvent = (node, event) => this.#happened(node, event)
    cluster.onCommitted = (node, sequence) => {
      this.#storedHistories[node.index] = this.#persisted.get(node)!.get(sequence)!
    }
    const loss = random.pick([0, 0.1, 0.3])
    const loses = () => loss > 0 && random.nextDoubleUnsafe() < loss
    cluster.loses = loses
    const slow = random.pick([0, 0.05])
    cluster.rumorLatency = () => random.nextDoubleUnsafe() < slow ? random.int(2000) : 1 + random.int(30)
    // sessions and commits during which much happens
    if (random.int(4) === 0) cluster.latency = () => 1 + random.int(80)
    if (random.int(3) === 0) cluster.commitLatency = () => 1 + random.int(400)
    for (const node of cluster.nodes) this.#begin(node)
    cluster.open()
  }

  // ---------------------------------------------------------------------------
  // what is known
  // ---------------------------------------------------------------------------

  #begin(node: Node): void {
    const stored = this.#storedHistories[node.index]
    this.#histories.set(node, copyOf(stored))
    this.#persisted.set(node, new Map())
    this.#waiting.set(node, new Map())
  }

  #seenBy(node: Node, key: string): Seen {
    const history = this.#histories.get(node)!
    let seen = history.get(key)
    if (seen === undefined) history.set(key, seen = new Seen())
    return seen
  }

  #happened(node: Node, event: ReplicaEvent): void {
    switch (event._tag) {
      case "Changed": {
        for (const { key: bytes, value, version } of event.changes) {
          const key = textOf(bytes)
          if (version === undefined) {
            for (const name of this.#seenBy(node, key).names) this.#dropped.add(name)
            continue
          }
          const name = nameOfVersion(version)
          const seen = this.#seenBy(node, key)
          let write = this.#writes.get(name)
          if (write === undefined) {
            // this node's own, of the step at hand
            write = {
              name,
              version,
              key,
              value: value === undefined ? undefined : textOf(value),
              seen: new Set(seen.names)
            }
            this.#writes.set(name, write)
          } else if (value !== undefined && seen.gone.has(name)) {
            this.problems.push(`${node.id} shows ${key}=${write.value} again, which it knew to be deleted`)
          }
          seen.add(write, this.#writes)
        }
        return
      }
      case "Persist": {
        this.#persisted.get(node)!.set(event.sequence, copyOf(this.#histories.get(node)))
        return
      }
      case "Stability": {
        if (event.isStable) this.#checkStable(node, this.#watched.get(`${node.id} ${event.watch}`)!)
        return
      }
      default:
    }
  }

  /** Nobody whom the node holds for live lacks the write. */
  #checkStable(node: Node, write: Recorded): void {
    for (const other of this.cluster.nodes) {
      const member = node.members.get(other.id)
      if (other !== node && (member === undefined || member.deadSince !== undefined)) continue
      if (other !== node && !other.incarnations.has(member!.incarnation)) continue
      if (!this.#has(other, write)) {
        this.problems.push(`${node.id} holds ${write.key}=${write.value} for stable, which ${other.id} lacks`)
      }
    }
  }

  /** Whether a node has a write, or what came after it; or nothing, where that was a delete that is forgotten. */
  #has(node: Node, { key, name, version }: Recorded): boolean {
    if (this.#dropped.has(name)) return true
    const isAsLate = (other: string) => other === name || isLater(this.#writes.get(other)!.version, version)
    if ([...this.#seenBy(node, key).names].some(isAsLate)) return true
    const held = node.machine.read(spaceName, new TextEncoder().encode(key))
    // what was written while apart for long stays, whatever was deleted then without knowing of it
    if (held?.value !== undefined) {
      const isConcurrent = ({ seen }: Recorded) => !seen.has(nameOfVersion(held.version!))
      const write = this.#writes.get(name)!
      if (write.value === undefined && this.#hasLongAbsence && isConcurrent(write)) return true
      // and so does what a new process wrote whose clock is behind, when all others have forgotten a delete that came after both
      const others = this.cluster.nodes.filter((other) => other !== node && other.isRunning)
      return [...this.#writes.values()].some((deletion) =>
        deletion.key === key && deletion.value === undefined && isAsLate(deletion.name) && isConcurrent(deletion) &&
        others.every((other) => this.#seenBy(other, key).names.has(deletion.name))
      )
    }
    return [...this.#writes.values()].some((other) =>
      other.key === key && other.value === undefined && isAsLate(other.name)
    )
  }

  // ---------------------------------------------------------------------------
  // what is done
  // ---------------------------------------------------------------------------

  #write(node: Node): void {
    const { random } = this.cluster
    const key = random.pick(keys)
    const value = random.int(5) < 2 ? undefined : `v${this.#values++}`
    const completion = node.commanded({
      _tag: "Write",
      space: spaceName,
      writes: [{
        key: new TextEncoder().encode(key),
        value: value === undefined ? undefined : new TextEncoder().encode(value)
      }]
    })
    const { version } = node.machine.read(spaceName, new TextEncoder().encode(key))!
    this.#waiting.get(node)!.set(completion, this.#writes.get(nameOfVersion(version!))!)
    if (random.int(3) === 0) this.#watch(node, this.#writes.get(nameOfVersion(version!))!)
    if (random.int(3) === 0) this.#watchAny(node)
  }

  /** Waits for one of the latest writes, whoever made it. */
  #watchAny(node: Node): void {
    const all = [...this.#writes.values()]
    if (all.length > 0) this.#watch(node, all[all.length - 1 - this.cluster.random.int(Math.min(8, all.length))]!)
  }

  #watch(node: Node, write: Recorded): void {
    const watch = ++this.#watches
    this.#watched.set(`${node.id} ${watch}`, write)
    node.command({ _tag: "Watch", space: spaceName, watch, version: write.version })
  }

  #acknowledge(): void {
    for (const [node, waiting] of this.#waiting) {
      for (const [completion, write] of waiting) {
        if (node.results.get(completion)?._tag !== "Written") continue
        waiting.delete(completion)
        this.#acknowledged.set(write.name, write)
      }
    }
  }

  /** The others notice, each after a while. */
  #notice(index: number, run: (node: Node) => void): void {
    const { cluster } = this
    for (const node of cluster.nodes) {
      if (node.index === index) continue
      cluster.at(100 + cluster.random.int(200), () => run(node))
    }
  }

  /** Cuts a node off, or has it crash, for a while; or all of them into two. */
  #fault(until: number): void {
    const { cluster } = this
    const { random } = cluster
    const index = random.int(this.#count)
    const isLong = random.int(4) === 0
    const length = isLong ? retention + 500 + random.int(1000) : 200 + random.int(1200)
    if (this.#away.size > 0 || cluster.now + length > until) return
    if (isLong) this.#hasLongAbsence = true
    if (random.int(2) === 0) this.#cutOff(index, length)
    else this.#crash(index, length)
  }

  #cutOff(index: number, length: number): void {
    const { cluster } = this
    this.#away.set(index, cluster.now)
    cluster.separates = (from, to) => (from === index) !== (to === index)
    this.#notice(index, (node) => {
      cluster.dead(node, cluster.nodes[index]!)
      cluster.dead(cluster.nodes[index]!, node)
    })
    cluster.at(length, () => {
      cluster.separates = () => false
      this.#away.delete(index)
      const node = cluster.nodes[index]!
      // it refutes its death, and so do the others
      for (const each of cluster.nodes) {
        each.members.incarnation++
        each.incarnations.add(each.members.incarnation)
      }
      this.#present(node)
    })
  }

  #crash(index: number, length: number): void {
    const { cluster } = this
    this.#away.set(index, cluster.now)
    this.#acknowledge()
    const former = cluster.nodes[index]!
    cluster.crash(index)
    this.#notice(index, (node) => cluster.dead(node, former))
    cluster.at(length, () => {
      this.#away.delete(index)
      const keepsStore = this.#isDurable && cluster.random.int(3) > 0
      if (!keepsStore) this.#storedHistories[index] = new Map()
      const node = cluster.restart(index, keepsStore)
      this.#begin(node)
      for (const member of former.members.all) node.members.set(member)
      node.start()
      node.open()
      this.#present(node)
      // somebody may ask before it has said what it has
      for (let i = 0; i < 4; i++) {
        cluster.at(cluster.random.int(350), () => this.#watchAny(cluster.random.pick(cluster.nodes)))
      }
    })
  }

  #present(node: Node): void {
    const { cluster } = this
    for (const other of cluster.nodes) {
      if (other === node) continue
      cluster.at(20 + cluster.random.int(300), () => cluster.present(other, cluster.nodes[node.index]!))
      cluster.at(
        20 + cluster.random.int(300),
        () => cluster.present(cluster.nodes[node.index]!, cluster.nodes[other.index]!)
      )
    }
    // incarnations that were raised reach everybody
    for (const a of cluster.nodes) {
      for (const b of cluster.nodes) {
        if (a !== b && b !== node && a !== node) {
          cluster.at(
            20 + cluster.random.int(300),
            () => cluster.present(cluster.nodes[a.index]!, cluster.nodes[b.index]!)
          )
        }
      }
    }
  }

  // ---------------------------------------------------------------------------
  // a run
  // ---------------------------------------------------------------------------

  run(): ReadonlyArray<string> {
    const { cluster } = this
    const { random } = cluster
    const end = cluster.now + duration
    while (cluster.now < end && this.problems.length === 0) {
      cluster.advance(20 + random.int(100))
      const node = random.pick(cluster.nodes)
      if (node.isRunning && random.int(3) > 0) this.#write(node)
      if (random.int(6) === 0) this.#fault(end)
      this.#acknowledge()
    }
    cluster.loses = () => false
    const hasConverged = cluster.until(() => this.#away.size === 0 && this.#isSettled, 3 * retention)
    this.#acknowledge()
    if (this.problems.length > 0) return this.problems
    if (!hasConverged) {
      this.problems.push(`no agreement: ${cluster.nodes.map(({ content }) => `{${content}}`).join(" ")}`)
    } else this.#checkEnd()
    return this.problems
  }

  get #isSettled(): boolean {
    return this.cluster.isConverged && this.cluster.nodes.every(({ certificates }) => certificates === 0)
  }

  /** What is held at the end is no older than what was acknowledged, as far as anybody is left who had it. */
  #checkEnd(): void {
    const { nodes } = this.cluster
    for (const key of keys) {
      const entry = nodes[0]!.machine.read(spaceName, new TextEncoder().encode(key))
      const held = entry?.version === undefined ? undefined : this.#writes.get(nameOfVersion(entry.version))
      const seen = new Set(nodes.flatMap((node) => [...this.#seenBy(node, key).names]))
      for (const name of seen) {
        const write = this.#writes.get(name)!
        if (write.value === undefined && held !== undefined && write.seen.has(held.name)) {
          this.problems.push(`${key}=${held.value} was deleted, and is back`)
        }
      }
      if (this.#hasLongAbsence) continue
      let last: Recorded | undefined
      for (const write of this.#acknowledged.values()) {
        if (write.key !== key || !seen.has(write.name)) continue
        if (last === undefined || isLater(write.version, last.version)) last = write
      }
      if (last === undefined) continue
      if (last.value !== undefined && (held === undefined || isLater(last.version, held.version))) {
        // a delete that was not acknowledged may have been later
        const isDeleted = [...seen].some((name) => isLater(this.#writes.get(name)!.version, last!.version))
        if (held !== undefined || !isDeleted) this.problems.push(`${key}=${last.value} is lost`)
      }
      if (last.value === undefined && held !== undefined && isLater(last.version, held.version)) {
        this.problems.push(`${key}=${held.value} shows, though it was deleted later`)
      }
    }
  }
}

const copyOf = (history: History | undefined): History =>
  new Map([...history ?? []].map(([key, seen]) => [key, new Seen(seen.names, seen.gone)]))

/** Goes through seeds; gives the problems of the first that has some. */
export const search = (
  from: number,
  to: number
): { readonly seed: number; readonly problems: ReadonlyArray<string> } | undefined => {
  for (let seed = from; seed < to; seed++) {
    const problems = new Search(seed).run()
    if (problems.length > 0) return { seed, problems }
  }
  return undefined
}
