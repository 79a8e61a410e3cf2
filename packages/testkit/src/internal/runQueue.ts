/**
 * The tasks that are ready to run: first in, first out; among those ready together, lower priorities first, as
 * Effect's `MixedScheduler` has it. A task never starves another of a different priority.
 */
type Task = () => void

export class RunQueue {
  // Almost all tasks have priority 0 and live in a ring, which is reused: an array that is filled and emptied
  // over and over would give its memory back each time.
  private ring: Array<Task | undefined> = new Array(256).fill(undefined)
  private head = 0
  private size = 0
  // Tasks of other priorities, ascending.
  private others: Array<{ readonly priority: number; readonly tasks: Array<Task> }> = []
  // A round with several priorities, in the order it runs.
  private round: Array<Task> = []
  private cursor = 0

  push(task: Task, priority: number): void {
    if (priority !== 0) return this.pushOther(task, priority)
    if (this.size === this.ring.length) this.grow()
    this.ring[(this.head + this.size) & (this.ring.length - 1)] = task
    this.size++
  }

  shift(): Task | undefined {
    if (this.cursor < this.round.length) return this.round[this.cursor++]
    if (this.others.length > 0) {
      this.startRound()
      return this.round[this.cursor++]
    }
    return this.size === 0 ? undefined : this.shiftRing()
  }

  private shiftRing(): Task {
    const task = this.ring[this.head]!
    this.ring[this.head] = undefined
    this.head = (this.head + 1) & (this.ring.length - 1)
    this.size--
    return task
  }

  private startRound(): void {
    const round: Array<Task> = []
    const others = this.others
    this.others = []
    let index = 0
    for (; index < others.length && others[index]!.priority < 0; index++) {
      for (const task of others[index]!.tasks) round.push(task)
    }
    while (this.size > 0) round.push(this.shiftRing())
    for (; index < others.length; index++) for (const task of others[index]!.tasks) round.push(task)
    this.round = round
    this.cursor = 0
  }

  private pushOther(task: Task, priority: number): void {
    let index = 0
    while (index < this.others.length && this.others[index]!.priority < priority) index++
    const bucket = this.others[index]
    if (bucket !== undefined && bucket.priority === priority) bucket.tasks.push(task)
    else this.others.splice(index, 0, { priority, tasks: [task] })
  }

  private grow(): void {
    const size = this.ring.length
    const ring: Array<Task | undefined> = new Array(size * 2).fill(undefined)
    for (let i = 0; i < size; i++) ring[i] = this.ring[(this.head + i) & (size - 1)]
    this.ring = ring
    this.head = 0
  }
}
