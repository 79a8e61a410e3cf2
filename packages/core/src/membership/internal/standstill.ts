/**
 * Notices when a node stood still: it was stopped, suspended, or collected garbage for long. It then may fire its timers
 * before it has read what came meanwhile, and would hold others for dead that have long answered.
 *
 * It is asked at the beginning of each step, whatever that is about: which of mail and timers is handled first is the
 * node's affair, and what the first of them begins (a ping, for instance) is of after the standstill.
 *
 * The time in which a node ran late but took in messages does not count: who was heard was heard.
 */
export class Standstill {
  readonly #tolerance: number
  #due = Infinity
  #last = -Infinity

  /** @param tolerance milliseconds that a timer may be late */
  constructor(tolerance: number) {
    this.#tolerance = tolerance
  }

  /** This node is to be woken at `at` at the latest; `Infinity` when it need not be. */
  expect(at: number): void {
    this.#due = at
  }

  /** To be called at each step: for how long the node stood still before it, if it did. */
  until(now: number): number {
    const stood = now - Math.max(this.#due, this.#last)
    this.#last = now
    return stood > this.#tolerance ? stood : 0
  }
}
