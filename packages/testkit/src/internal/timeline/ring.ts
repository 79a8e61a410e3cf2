/** A queue that does not move what it holds, and gives the room of what left to what comes. */
export class Ring<A> {
  private items: Array<A | undefined> = new Array(256).fill(undefined)
  private head = 0
  size = 0

  push(item: A): void {
    if (this.size === this.items.length) this.grow()
    this.items[(this.head + this.size++) & (this.items.length - 1)] = item
  }

  shift(): A | undefined {
    if (this.size === 0) return undefined
    const item = this.items[this.head]
    this.items[this.head] = undefined
    this.head = (this.head + 1) & (this.items.length - 1)
    this.size--
    return item
  }

  /** All of them, the oldest first. */
  toArray(): Array<A> {
    return Array.from({ length: this.size }, (_, i) => this.items[(this.head + i) & (this.items.length - 1)]!)
  }

  private grow(): void {
    const items = this.toArray()
    this.items = [...items, ...new Array<undefined>(items.length).fill(undefined)]
    this.head = 0
  }
}
