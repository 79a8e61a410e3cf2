/** The receive buffer of an endpoint: bounded, the newest is dropped when it is full, and each drop is counted. */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scheduler from "effect/Scheduler"
import type { Packet, Receiver, TransportError } from "../Transport.ts"

type Resume = (result: Effect.Effect<NonEmptyReadonlyArray<Packet>, TransportError>) => void

export class PacketBuffer implements Receiver {
  // made when it is needed: one that is made before would be old when it is filled, and keep what it held from the
  // garbage collector for long
  private packets: Array<Packet> | undefined
  private readonly waiters: Array<Resume> = []
  /** Of whoever waited last. */
  private dispatcher: Scheduler.SchedulerDispatcher | undefined
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
    if (this.packets !== undefined) return Effect.succeed(this.take())
    if (this.isClosed) return this.closed
    this.dispatcher = fiber.currentDispatcher
    return this.wait
  })

  private readonly wait: Receiver["pull"] = Effect.callback((resume) => {
    this.waiters.push(resume)
    return Effect.sync(() => {
      const index = this.waiters.indexOf(resume)
      if (index >= 0) this.waiters.splice(index, 1)
    })
  })

  /** Takes a packet in, or says that there was no room. */
  offer(packet: Packet): boolean {
    if (this.packets === undefined) {
      this.packets = [packet]
    } else if (this.packets.length >= this.capacity) {
      this.droppedCount++
      return false
    } else {
      this.packets.push(packet)
    }
    // The receiver is woken by a task of its own: in the sender's stack, a message that is passed from node to node
    // would nest as deep as there are nodes.
    if (this.waiters.length > 0 && !this.isWaking) {
      this.isWaking = true
      this.dispatcher!.scheduleTask(this.wake, 0)
    }
    return true
  }

  close(): void {
    this.isClosed = true
    this.packets = undefined
    for (const resume of this.waiters.splice(0)) resume(this.closed)
  }

  private readonly wake = () => {
    this.isWaking = false
    if (this.packets === undefined) return
    const resume = this.waiters.shift()
    if (resume !== undefined) resume(Effect.succeed(this.take()))
  }

  private take(): NonEmptyReadonlyArray<Packet> {
    const packets = this.packets
    this.packets = undefined
    return packets as unknown as NonEmptyReadonlyArray<Packet>
  }
}
