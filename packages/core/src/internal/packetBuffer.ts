/** The receive buffer of an endpoint: bounded, the newest is dropped when it is full, and each drop is counted. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type { Packet, Receiver, TransportError } from "../Transport.ts"

interface Waiter {
  readonly resume: (result: Effect.Effect<NonEmptyReadonlyArray<Packet>, TransportError>) => void
  readonly dispatcher: Scheduler.SchedulerDispatcher
}

export class PacketBuffer implements Receiver {
  private packets: Array<Packet> = []
  private readonly waiters: Array<Waiter> = []
  private isClosed = false
  private isWaking = false
  private droppedCount = 0
  private readonly capacity: number
  private readonly closed: Effect.Effect<never, TransportError>

  constructor(capacity: number, closed: Effect.Effect<never, TransportError>) {
    this.capacity = capacity
    this.closed = closed
  }

  readonly dropped = () => this.droppedCount

  readonly pull: Receiver["pull"] = Effect.withFiber((fiber) => {
    if (this.packets.length > 0) return Effect.succeed(this.take())
    if (this.isClosed) return this.closed
    return Effect.callback((resume) => {
      const waiter: Waiter = { resume, dispatcher: fiber.currentDispatcher }
      this.waiters.push(waiter)
      return Effect.sync(() => {
        const index = this.waiters.indexOf(waiter)
        if (index >= 0) this.waiters.splice(index, 1)
      })
    })
  })

  /** Takes a packet in, or says that there was no room. */
  offer(packet: Packet): boolean {
    if (this.packets.length >= this.capacity) {
      this.droppedCount++
      return false
    }
    this.packets.push(packet)
    // The receiver is woken by a task of its own: in the sender's stack, a message that is passed from node to node
    // would nest as deep as there are nodes.
    if (this.waiters.length > 0 && !this.isWaking) {
      this.isWaking = true
      this.waiters[0]!.dispatcher.scheduleTask(this.wake, 0)
    }
    return true
  }

  close(): void {
    this.isClosed = true
    this.packets = []
    for (const waiter of this.waiters.splice(0)) waiter.resume(this.closed)
  }

  private readonly wake = () => {
    this.isWaking = false
    if (this.packets.length === 0) return
    const waiter = this.waiters.shift()
    if (waiter !== undefined) waiter.resume(Effect.succeed(this.take()))
  }

  private take(): NonEmptyReadonlyArray<Packet> {
    const packets = this.packets
    this.packets = []
    return packets as unknown as NonEmptyReadonlyArray<Packet>
  }
}
