/** How a simulated network carries what its endpoints send. */
import type { Address } from "@effect-gossip/core/Address"
import type * as MemoryTransport from "@effect-gossip/core/MemoryTransport"
import type { Packet } from "@effect-gossip/core/Transport"
import type { DropReason, Totals } from "../../SimulatedNetwork.ts"
import type { Timing } from "../timing.ts"
import * as Corruption from "./corruption.ts"
import { Cuts } from "./cuts.ts"
import { type CompiledLink, Links } from "./links.ts"
import * as Pairs from "./pairs.ts"
import { MutableCounters, type Station, Stations } from "./stations.ts"
import { codes, Trace } from "./trace.ts"

type Deliver = (packet: Packet, to: Address) => MemoryTransport.Arrival

export class Network implements MemoryTransport.Carrier {
  readonly stations: Stations
  readonly trace: Trace
  readonly links: Links
  readonly cuts = new Cuts()
  private readonly streams = new Set<MemoryTransport.Stream>()
  private readonly total = new MutableCounters()
  private readonly dropped: Record<DropReason, number> = {
    Loss: 0,
    Partition: 0,
    Crash: 0,
    TooBig: 0,
    LinkFull: 0,
    BufferFull: 0,
    NotReceiving: 0,
    NoSuchAddress: 0
  }
  private duplicates = 0
  private corrupted = 0
  private datagrams = 0
  private readonly cutStreams: "break" | "stall"
  private readonly timing: Timing

  constructor(seed: string, link: CompiledLink, cutStreams: "break" | "stall", timing: Timing) {
    this.stations = new Stations(seed)
    this.trace = new Trace(timing, this.stations)
    this.links = new Links(link)
    this.cutStreams = cutStreams
    this.timing = timing
  }

  totals(): Totals {
    return {
      ...this.total,
      datagramsDuplicated: this.duplicates,
      datagramsCorrupted: this.corrupted,
      datagramsDropped: { ...this.dropped }
    }
  }

  // ---------------------------------------------------------------------------
  // datagrams
  // ---------------------------------------------------------------------------

  datagram(packet: Packet, to: Address, deliver: Deliver): void {
    const id = this.datagrams++
    const from = packet.from
    const size = packet.payload.length
    const station = this.stations.getOrMake(from)
    station.counters.datagramsSent++
    station.counters.datagramBytesSent += size
    this.total.datagramsSent++
    this.total.datagramBytesSent += size
    this.trace.record(codes.sent, id, station.hash, to)
    this.trace.hash.bytes(packet.payload)
    if (this.trace.isObserved) {
      this.trace.emit({ _tag: "DatagramSent", at: this.trace.at(), id, from, to, payload: packet.payload })
    }
    const link = this.links.get(from, to)
    // Drawn whether it is needed or not: a datagram that is lost leaves the latencies of others as they were.
    const latency = link.latency(station.latency)
    const isLost = link.loss > 0 && station.loss.nextDoubleUnsafe() < link.loss
    const isHeldUp = link.reordering > 0 && station.reordering.nextDoubleUnsafe() < link.reordering
    const isDuplicated = link.duplication > 0 && station.duplication.nextDoubleUnsafe() < link.duplication
    const flips = link.corruption > 0 && station.corruption.nextDoubleUnsafe() < link.corruption
      ? Corruption.draw(station.corruption)
      : undefined
    const delay = isHeldUp ? latency + link.delay(station.reordering) : latency
    const cut = this.cuts.between(from, to)
    if (cut !== undefined) return this.drop(id, station, from, to, cut)
    if (size > link.mtu) return this.drop(id, station, from, to, "TooBig")
    const wait = this.waitOfDatagram(link, station, to, size)
    if (wait === undefined) return this.drop(id, station, from, to, "LinkFull")
    let arriving = packet
    // Nothing flips in an empty datagram, nor matters in one that is lost.
    if (flips !== undefined && size > 0 && (isDuplicated || !isLost)) {
      arriving = { from, payload: Corruption.flip(packet.payload, flips) }
      this.corrupted++
      this.trace.record(codes.corrupted, id, station.hash, to)
      this.trace.hash.bytes(arriving.payload)
      if (this.trace.isObserved) {
        this.trace.emit({ _tag: "DatagramCorrupted", at: this.trace.at(), id, from, to, payload: arriving.payload })
      }
    }
    if (isDuplicated) {
      this.duplicates++
      this.trace.record(codes.duplicated, id, station.hash, to)
      if (this.trace.isObserved) this.trace.emit({ _tag: "DatagramDuplicated", at: this.trace.at(), id, from, to })
      const copy: Packet = { from, payload: arriving.payload.slice() }
      this.carry(id, station, copy, to, sum(wait, link.latency(station.duplication)), deliver)
    }
    if (isLost) return this.drop(id, station, from, to, "Loss")
    this.carry(id, station, arriving, to, sum(wait, delay), deliver)
  }

  private waitOfDatagram(link: CompiledLink, station: Station, to: Address, size: number): number | undefined {
    if (link.bandwidth === Infinity) return 0
    const now = this.timing.now()
    const leaves = station.lineTo(to, now).datagram(now, size, link.bandwidth, link.queue)
    return leaves === undefined ? undefined : leaves - now
  }

  private carry(id: number, station: Station, packet: Packet, to: Address, delay: number, deliver: Deliver): void {
    this.timing.schedule(delay, () => this.arrive(id, station, packet, to, deliver))
  }

  private arrive(id: number, station: Station, packet: Packet, to: Address, deliver: Deliver): void {
    const from = packet.from
    const cut = this.cuts.between(from, to)
    if (cut !== undefined) return this.drop(id, station, from, to, cut)
    const size = packet.payload.length
    const arrival = deliver(packet, to)
    if (arrival !== "Received") return this.drop(id, station, from, to, arrival)
    const receiver = this.stations.getOrMake(to)
    receiver.counters.datagramsReceived++
    receiver.counters.datagramBytesReceived += size
    this.total.datagramsReceived++
    this.total.datagramBytesReceived += size
    this.trace.record(codes.delivered, id, station.hash, to)
    if (this.trace.isObserved) this.trace.emit({ _tag: "DatagramDelivered", at: this.trace.at(), id, from, to })
  }

  private drop(id: number, station: Station, from: Address, to: Address, reason: DropReason): void {
    this.dropped[reason]++
    this.trace.record(codes.drops[reason], id, station.hash, to)
    if (this.trace.isObserved) {
      this.trace.emit({ _tag: "DatagramDropped", at: this.trace.at(), id, from, to, reason })
    }
  }

  // ---------------------------------------------------------------------------
  // streams
  // ---------------------------------------------------------------------------

  opened(stream: MemoryTransport.Stream): void {
    this.streams.add(stream)
    const { from, id, to } = stream
    const station = this.stations.getOrMake(from)
    station.counters.exchanges++
    this.total.exchanges++
    this.trace.record(codes.opened, id, station.hash, to)
    if (this.trace.isObserved) this.trace.emit({ _tag: "StreamOpened", at: this.trace.at(), id, from, to })
  }

  leg(stream: MemoryTransport.Stream, leg: MemoryTransport.Leg, bytes: number, arrive: () => void): void {
    const [from, to] = leg === "Request" ? [stream.from, stream.to] : [stream.to, stream.from]
    const station = this.stations.getOrMake(from)
    station.counters.exchangeBytesSent += bytes
    this.total.exchangeBytesSent += bytes
    this.trace.record(codes.legs[leg], stream.id, station.hash, to)
    this.trace.hash.int(bytes)
    if (this.trace.isObserved) {
      const { from, id, to } = stream
      this.trace.emit({ _tag: "StreamLeg", at: this.trace.at(), id, from, to, leg, bytes })
    }
    const link = this.links.get(from, to)
    const latency = link.latency(station.streams)
    const isLost = link.streamLoss > 0 && station.streams.nextDoubleUnsafe() < link.streamLoss
    const wait = this.waitOfLeg(link, station, to, bytes)
    this.timing.schedule(sum(wait, latency), () => {
      if (!stream.isOpen()) return
      if (isLost) stream.breakUnsafe()
      else if (!this.isCut(stream)) arrive()
      else if (this.cutStreams === "break") stream.breakUnsafe()
    })
  }

  private waitOfLeg(link: CompiledLink, station: Station, to: Address, bytes: number): number {
    if (link.bandwidth === Infinity) return 0
    const now = this.timing.now()
    return station.lineTo(to, now).leg(now, bytes, link.bandwidth) - now
  }

  closed(stream: MemoryTransport.Stream, outcome: MemoryTransport.Outcome): void {
    this.streams.delete(stream)
    const { from, id, to } = stream
    this.trace.record(codes.outcomes[outcome], id, this.stations.getOrMake(from).hash, to)
    if (this.trace.isObserved) this.trace.emit({ _tag: "StreamClosed", at: this.trace.at(), id, from, to, outcome })
  }

  /** Breaks the streams between these, and returns how many they were. */
  breakStreams(pairs: Pairs.Pairs): number {
    const broken = Array.from(this.streams).filter(({ from, to }) => Pairs.include(pairs, from, to))
    for (const stream of broken) stream.breakUnsafe()
    return broken.length
  }

  /** Breaks the streams that are cut off, if cuts do so. */
  breakCutStreams(): void {
    if (this.cutStreams === "stall") return
    for (const stream of Array.from(this.streams)) {
      if (this.isCut(stream)) stream.breakUnsafe()
    }
  }

  // A stream needs both directions: what is not acknowledged is not delivered.
  private isCut(stream: MemoryTransport.Stream): boolean {
    return this.cuts.between(stream.from, stream.to) !== undefined ||
      this.cuts.between(stream.to, stream.from) !== undefined
  }
}

// In whole microseconds, as latencies are.
const sum = (wait: number, latency: number): number => wait === 0 ? latency : Math.round((wait + latency) * 1000) / 1000
