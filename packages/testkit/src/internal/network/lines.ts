/**
 * What links of a limited bandwidth have to send. A line is two instants, whatever waits in it: when it will have sent
 * all, and when the datagrams of it.
 */
import type { Address } from "@effect-gossip/core/Address"

// What would leave later leaves then, so that sums stay finite.
const day = 86_400_000

/** One way of a link. Times and durations are in milliseconds, bandwidths in bytes per second. */
export class Line {
  private bandwidth = Infinity
  private busyUntil = 0
  private datagramsUntil = 0

  /**
   * When a datagram will have been sent, or `undefined` if it finds no room. Exchanges fill half of the queue at most, as
   * TCP, which sends no faster than what it sent is acknowledged: datagrams wait behind that half and not behind all
   * that an exchange has still to send, which may be megabytes.
   */
  datagram(now: number, size: number, bandwidth: number, queue: number): number | undefined {
    this.adapt(now, bandwidth)
    const behindExchanges = Math.min(this.busyUntil, now + time(queue / 2, bandwidth))
    const start = Math.max(now, this.datagramsUntil, behindExchanges)
    const waiting = Math.round((start - now) * bandwidth / 1000)
    if (start > now && waiting + size > queue) return undefined
    this.busyUntil = this.append(now, size, bandwidth)
    return this.datagramsUntil = Math.min(start + time(size, bandwidth), now + day)
  }

  /** When one way of an exchange will have been sent: after all that came before. */
  leg(now: number, size: number, bandwidth: number): number {
    this.adapt(now, bandwidth)
    return this.busyUntil = this.append(now, size, bandwidth)
  }

  isIdle(now: number): boolean {
    return this.busyUntil <= now
  }

  private append(now: number, size: number, bandwidth: number): number {
    return Math.min(Math.max(now, this.busyUntil) + time(size, bandwidth), now + day)
  }

  // So many bytes wait as before, and take another time.
  private adapt(now: number, bandwidth: number): void {
    if (this.bandwidth === bandwidth) return
    const left = (until: number) =>
      until <= now ? now : now + Math.min((until - now) * (this.bandwidth / bandwidth), day)
    this.busyUntil = left(this.busyUntil)
    this.datagramsUntil = left(this.datagramsUntil)
    this.bandwidth = bandwidth
  }
}

const time = (size: number, bandwidth: number): number => size * 1000 / bandwidth

/** The lines of a sender. One that is idle is as good as a new one, and forgotten; so they are as many as are in use. */
export class Lines {
  private readonly lines = new Map<Address, Line>()
  private limit = minLimit

  to(address: Address, now: number): Line {
    let line = this.lines.get(address)
    if (line !== undefined) return line
    if (this.lines.size >= this.limit) {
      for (const [address, line] of this.lines) {
        if (line.isIdle(now)) this.lines.delete(address)
      }
      // Far enough off that looking through them costs nothing on average.
      this.limit = Math.max(minLimit, 2 * this.lines.size)
    }
    this.lines.set(address, line = new Line())
    return line
  }

  get size(): number {
    return this.lines.size
  }
}

/** So many lines are not looked through. */
export const minLimit = 64
