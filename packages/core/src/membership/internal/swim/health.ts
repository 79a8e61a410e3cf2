/**
 * Lifeguard's local health (Dadgar, Phillips, Currey 2017, §IV-A): a node whose probes fail in ways that point at itself
 * gives its peers more time.
 */
export class LocalHealth {
  readonly #max: number
  #score = 0

  /** @param max one above the worst score; with 1 it is always well */
  constructor(max: number) {
    this.#max = max
  }

  /** 0 is well. */
  get score(): number {
    return this.#score
  }

  /** Whether it is kept at all. */
  get isKept(): boolean {
    return this.#max > 1
  }

  worsen(by: number): void {
    this.#score = Math.min(this.#max - 1, this.#score + by)
  }

  improve(): void {
    this.#score = Math.max(0, this.#score - 1)
  }

  /** How long a peer has whom a well node would give so long. */
  scale(duration: number): number {
    return duration * (this.#score + 1)
  }
}
