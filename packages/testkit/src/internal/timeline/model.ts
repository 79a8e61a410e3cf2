/**
 * What a run comes to, once its events are put together: which datagram went where and what became of it, when nodes
 * ran, and who believed what. It is plain data, which is drawn here and, as JSON, in the browser.
 */
import type { Address } from "@effect-gossip/core/Address"
import { DisseminationMessage, Frame, Message } from "@effect-gossip/core/wire"
import * as Fault from "../../Fault.ts"
import type { SimulationEvent } from "../../SimulationEvent.ts"
import type { Timeline } from "../../Timeline.ts"
import { type Colour, faultColour, type Glyph, kindColour, lookOf } from "./palette.ts"
import { count, many, printable, seconds, spaced } from "./text.ts"

// -----------------------------------------------------------------------------
// model
// -----------------------------------------------------------------------------

/** A line of the drawing: a node, or an address that is none's and was written to. */
export interface Lane {
  readonly name: string
  readonly address: string
  readonly isStranger: boolean
  /** When it ran; it leaves from `leaves` on. */
  readonly lives: ReadonlyArray<{ readonly from: number; readonly to: number; readonly leaves: number }>
  readonly pauses: ReadonlyArray<readonly [from: number, to: number]>
}

/** A kind of message. The more it weighs the rather it gives a datagram that holds several kinds its colour. */
export interface Kind {
  readonly name: string
  readonly colour: Colour
  readonly weight: number
  readonly count: number
}

/** What travels: a datagram, a copy of one, or one way of an exchange. */
export interface Arrow {
  readonly sort: "Datagram" | "Copy" | "Request" | "Answer"
  /** Lanes. */
  readonly from: number
  readonly to: number
  readonly sent: number
  /** When it arrived or was lost; for what is under way, the end of the run. */
  readonly end: number
  readonly fate: "Arrived" | "Lost" | "UnderWay"
  readonly isCorrupted: boolean
  readonly bytes: number
  /** Which of the contents it has. */
  readonly content: number
  /** Which of the texts says what went wrong or is special with it, or -1. */
  readonly remark: number
  /** Equal for the messages of one probe, or -1. */
  readonly probe: number
}

/** What an arrow may hold: kinds, each with which of the texts tells more, and the lane it is about or -1. */
export type Content = ReadonlyArray<readonly [kind: number, text: number, about: number]>

/** Something that happened to a node, or that a node came to believe. */
export interface Mark {
  readonly lane: number
  readonly at: number
  readonly look: number
  /** The lane of the member it is about, or -1. */
  readonly member: number
  /** What to write beside it, as one of the texts. */
  readonly label: number
  /** All of it, as one of the texts. */
  readonly text: number
}

export interface MarkLook {
  readonly kind: string
  readonly glyph: Glyph
  readonly colour: Colour
  readonly weight: number
  /** Whether it is of the node itself, and not what the node believes. */
  readonly isFate: boolean
}

export interface FaultSpan {
  readonly kind: string
  readonly colour: Colour
  readonly at: number
  /** Equal to `at` for one that happens at once. */
  readonly end: number
  readonly words: string
  /** The lanes it concerns, ascending. */
  readonly lanes: ReadonlyArray<number>
}

export interface Model {
  readonly title: string
  readonly seed: string
  readonly replay: string | undefined
  readonly end: number
  /** The window that shows all of it, with a margin for what is at its ends. */
  readonly whole: readonly [from: number, to: number]
  readonly lanes: ReadonlyArray<Lane>
  readonly kinds: ReadonlyArray<Kind>
  readonly texts: ReadonlyArray<string>
  readonly contents: ReadonlyArray<Content>
  /** In the order they were sent. */
  readonly arrows: ReadonlyArray<Arrow>
  readonly looks: ReadonlyArray<MarkLook>
  /** In the order of time. */
  readonly marks: ReadonlyArray<Mark>
  readonly faults: ReadonlyArray<FaultSpan>
  readonly notes: ReadonlyArray<{ readonly at: number; readonly text: string }>
  readonly violations: ReadonlyArray<{ readonly at: number; readonly invariant: string; readonly problem: string }>
  /** Events that are missing, until when what travelled is; and what is known and not drawn, since it is too much. */
  readonly missing: { readonly events: number; readonly until: number; readonly undrawn: number }
  readonly totals: {
    readonly datagrams: number
    readonly lost: number
    readonly exchanges: number
    readonly failed: number
  }
}

// -----------------------------------------------------------------------------
// bounds
// -----------------------------------------------------------------------------

/** Arrows that are drawn at most, the latest: a page of more is too large to open. */
export const maxArrows = 40_000
const maxMarks = 20_000
const maxFlags = 2000
const maxStrangers = 6
const maxDetails = 16
const maxText = 400

const shorten = (text: string, most = maxText): string =>
  printable(text.length <= most ? text : `${text.slice(0, most - 1)}…`)

// To the microsecond, so that what is embedded is short.
const round = (millis: number): number => Math.round(millis * 1000) / 1000

// -----------------------------------------------------------------------------
// words
// -----------------------------------------------------------------------------

const weights: Readonly<Record<string, number>> = {
  Ack: 0,
  Ping: 1,
  PingRequest: 2,
  News: 3,
  Alive: 4,
  Left: 5,
  Suspect: 6,
  Dead: 7,
  Exchange: 8,
  Undecodable: 9
}

const aboutWhom = (message: Message.Message): string | undefined =>
  "target" in message
    ? message.target
    : "origin" in message
    ? message.origin
    : "id" in message
    ? message.id
    : undefined

const rumors = (ids: Uint8Array | undefined): number => (ids?.length ?? 0) / DisseminationMessage.rumorIdSize

const sayMessage = (message: Message.Message): string => {
  switch (message._tag) {
    case "Ping":
      return message.target
    case "PingRequest":
      return `${message.target} at ${message.address}`
    case "Ack":
      return message.table === undefined ? "passed on" : ""
    case "Alive":
    case "Left":
      return `${message.id} · incarnation ${message.incarnation}`
    case "Suspect":
    case "Dead":
      return `${message.id} · incarnation ${message.incarnation} · says ${message.from}`
    case "SyncRequest":
    case "SyncResponse":
      return `${message.id} · ${message.claims?.length ?? 0} claims`
    case "News":
      return `${message.topic} · of ${message.origin} · ${many(message.payload.length, "byte")}`
    case "Announce":
      return many(rumors(message.ids) + rumors(message.large), "rumor")
    case "Ask":
      return many(rumors(message.ids), "rumor")
    case "Fetched":
      return many(message.news.length, "rumor")
    default:
      return sayFields(message)
  }
}

// Of a message that is not known here: what can be said in a word.
const sayFields = (message: object): string =>
  Object.entries(message).flatMap(([name, value]) =>
    name === "_tag" || typeof value !== "string" && typeof value !== "number" ? [] : [`${name} ${value}`]
  ).slice(0, 4).join(" · ")

const reasons: Readonly<Record<string, string>> = {
  Loss: "lost by the link",
  Partition: "cut off by a partition",
  Crash: "an end of it has crashed",
  TooBig: "larger than the link's MTU",
  LinkFull: "found the link's queue full",
  BufferFull: "found the receiver's buffer full",
  NotReceiving: "nobody receives there",
  NoSuchAddress: "nothing is open at its address",
  TooLarge: "too large",
  Refused: "refused by the peer",
  Unreachable: "nothing is open at its address",
  Closed: "closed by an end of it",
  Broken: "the stream broke",
  Abandoned: "timed out, or given up by its caller"
}

const sayReason = (reason: string): string => `${reason}: ${reasons[reason] ?? spaced(reason)}`

const sayChange = (node: string, member: string, change: string): string => {
  switch (change) {
    case "Joined":
      return `${node} sees that ${member} is there`
    case "Suspected":
      return `${node} suspects ${member}`
    case "Refuted":
      return `${node} hears ${member} refute the suspicion`
    case "Died":
      return `${node} thinks ${member} is dead`
    case "Left":
      return `${node} hears that ${member} has left`
    case "Updated":
      return `${node} sees ${member} changed`
    case "Reaped":
      return `${node} forgets ${member}`
    case "Conflict":
      return `${node} sees two nodes by the name of ${member}`
    default:
      return `${node}: ${member} ${spaced(change)}`
  }
}

// -----------------------------------------------------------------------------
// make
// -----------------------------------------------------------------------------

/** Each value once, in the order they came. */
class Interned<A> {
  readonly values: Array<A> = []
  private readonly indexes = new Map<string | number, number>()

  add(key: string | number, value: () => A): number {
    let index = this.indexes.get(key)
    if (index === undefined) {
      index = this.values.push(value()) - 1
      this.indexes.set(key, index)
    }
    return index
  }
}

interface Sent {
  readonly from: number
  readonly to: number
  readonly at: number
  readonly bytes: number
  readonly content: number
  readonly probe: number
  readonly remarks: Array<string>
  isCorrupted: boolean
  fates: number
}

interface Exchange {
  readonly from: number
  readonly to: number
  readonly legs: { Request?: { at: number; bytes: number }; Answer?: { at: number; bytes: number } }
  closed?: { readonly at: number; readonly outcome: string }
}

interface MutableLane {
  readonly name: string
  readonly address: string
  readonly isStranger: boolean
  readonly lives: Array<{ from: number; to: number; leaves: number }>
  readonly pauses: Array<[from: number, to: number]>
  isRunning: boolean
  /** When it last sent or received something. */
  active: number
}

class Builder {
  readonly texts = new Interned<string>()
  readonly contents = new Interned<Content>()
  readonly looks = new Interned<MarkLook>()
  readonly kinds = new Interned<{ readonly name: string; count: number }>()
  readonly probes = new Interned<number>()
  readonly lanes: Array<MutableLane> = []
  readonly laneOfName = new Map<string, number>()
  readonly laneOfAddress = new Map<string, number>()
  readonly sent = new Map<number, Sent>()
  readonly exchanges = new Map<number, Exchange>()
  readonly faults = new Map<number, { at: number; end: number | undefined; fault: Fault.Fault }>()
  arrows: Array<Arrow> = []
  readonly marks: Array<Mark> = []
  readonly notes: Array<{ at: number; text: string }> = []
  readonly violations: Array<{ at: number; invariant: string; problem: string }> = []
  readonly cluster: number
  readonly end: number
  firstArrow: number | undefined
  undrawn = 0
  strangers = 0
  totals = { datagrams: 0, lost: 0, exchanges: 0, failed: 0 }

  constructor(timeline: Timeline) {
    this.cluster = Frame.clusterHash(timeline.cluster ?? "default")
    let end = timeline.end
    for (const { at } of timeline.events) end = Math.max(end, at)
    this.end = round(Math.max(end, 1))
    for (const node of timeline.nodes) {
      const index = this.addLane(shorten(node.name), node.address, false)
      this.laneOfName.set(node.name, index)
      this.laneOfAddress.set(node.address, index)
    }
    // what was not said of a node is not known: it is drawn as if it ran all the time
    const started = new Set(timeline.events.flatMap((event) => event._tag === "NodeStarted" ? [event.node] : []))
    for (const node of timeline.nodes) {
      if (!started.has(node.name)) this.begin(this.laneOfName.get(node.name)!, 0)
    }
  }

  private addLane(name: string, address: string, isStranger: boolean): number {
    const fresh = { name, address: printable(address), isStranger, lives: [], pauses: [], isRunning: false, active: 0 }
    return this.lanes.push(fresh) - 1
  }

  private begin(lane: number, at: number): void {
    const node = this.lanes[lane]!
    this.cease(lane, at)
    node.lives.push({ from: at, to: Infinity, leaves: Infinity })
    node.isRunning = true
  }

  private cease(lane: number, at: number): void {
    const node = this.lanes[lane]!
    const life = node.lives.at(-1)
    // a node that leaves is there until it has said so
    if (life !== undefined && life.to === Infinity) {
      life.to = life.leaves === Infinity ? at : Math.min(at, Math.max(life.leaves, node.active))
    }
    this.resume(lane, at)
    node.isRunning = false
  }

  private resume(lane: number, at: number): void {
    const pause = this.lanes[lane]!.pauses.at(-1)
    if (pause !== undefined && pause[1] === Infinity) pause[1] = at
  }

  /** The lane of an address; of a stranger's too, as long as they are few. */
  private at(address: Address): number {
    const known = this.laneOfAddress.get(address)
    if (known !== undefined) return known
    if (this.strangers >= maxStrangers) return -1
    this.strangers++
    const lane = this.addLane(shorten(address), address, true)
    this.laneOfAddress.set(address, lane)
    return lane
  }

  private text(text: string): number {
    const short = shorten(text)
    return this.texts.add(short, () => short)
  }

  private kind(name: string): number {
    return this.kinds.add(name, () => ({ name, count: 0 }))
  }

  private look(kind: string, isFate: boolean): number {
    return this.looks.add(kind, () => {
      const { colour, glyph, weight } = lookOf(kind)
      return { kind: shorten(kind), glyph, colour, weight, isFate }
    })
  }

  private mark(node: string, at: number, kind: string, label: string, text: string, member?: string): void {
    const lane = this.laneOfName.get(node)
    if (lane === undefined || this.marks.length >= maxMarks) return void this.undrawn++
    this.marks.push({
      lane,
      at: round(at),
      look: this.look(kind, member === undefined),
      member: member === undefined ? -1 : this.laneOfName.get(member) ?? -1,
      label: this.text(label),
      text: this.text(text)
    })
  }

  private content(payload: Uint8Array): { readonly content: number; readonly probe: number } {
    const { dropped, messages } = Frame.decode(this.cluster, payload)
    let nonce: number | undefined
    const parts: Array<readonly [kind: string, text: string, about: number]> = []
    for (const message of messages) {
      if ("nonce" in message) nonce ??= message.nonce
      const about = aboutWhom(message)
      parts.push([message._tag, sayMessage(message), about === undefined ? -1 : this.laneOfName.get(about) ?? -1])
    }
    for (const reason of dropped) parts.push(["Undecodable", spaced(reason), -1])
    const details = parts.slice(0, maxDetails).map(([kind, text, about]) =>
      [this.kind(kind), this.text(text), about] as const
    )
    if (parts.length > maxDetails) {
      // the kinds of all are kept, so that an arrow has its colour
      const rest = parts.slice(maxDetails)
      for (const kind of new Set(rest.map(([kind]) => kind))) {
        const of = rest.filter(([other]) => other === kind).length
        details.push([this.kind(kind), this.text(`${count(of)} more`), -1])
      }
    }
    for (const kind of new Set(details.map(([kind]) => kind))) this.kinds.values[kind]!.count++
    const content = this.contents.add(details.join(" "), () => details)
    return { content, probe: nonce === undefined ? -1 : this.probes.add(nonce, () => nonce) }
  }

  private arrow(arrow: Arrow): void {
    if (arrow.from < 0 || arrow.to < 0) return void this.undrawn++
    const rounded = { ...arrow, sent: round(arrow.sent), end: round(arrow.end) }
    this.arrows.push(rounded)
    this.lanes[arrow.from]!.active = Math.max(this.lanes[arrow.from]!.active, rounded.sent)
    if (arrow.fate === "Arrived") this.lanes[arrow.to]!.active = Math.max(this.lanes[arrow.to]!.active, rounded.end)
  }

  // Several fates are those of copies.
  private fate(sent: Sent, at: number, fate: Arrow["fate"], reason: string | undefined): void {
    const remarks = [
      ...(reason === undefined ? [] : [sayReason(reason)]),
      ...sent.remarks
    ]
    this.arrow({
      sort: sent.fates++ === 0 ? "Datagram" : "Copy",
      from: sent.from,
      to: sent.to,
      sent: sent.at,
      end: at,
      fate,
      isCorrupted: sent.isCorrupted,
      bytes: sent.bytes,
      content: sent.content,
      remark: remarks.length === 0 ? -1 : this.text(remarks.join("; ")),
      probe: sent.probe
    })
  }

  private exchange({ closed, from, legs, to }: Exchange): void {
    const kind = this.kind("Exchange")
    this.kinds.values[kind]!.count++
    const { Answer: answer, Request: request } = legs
    const outcome = closed?.outcome
    const didEnd = closed !== undefined && (outcome === "Answered" || answer !== undefined && wasAnswered.has(outcome!))
    const contentOf = (text: string) => this.contents.add(`exchange ${text}`, () => [[kind, this.text(text), -1]])
    const common = { from, to, isCorrupted: false, probe: -1 }
    const last = answer ?? request
    const fateOf = (leg: typeof last): Arrow["fate"] =>
      leg !== last || didEnd ? "Arrived" : closed === undefined ? "UnderWay" : "Lost"
    const remarkOf = (leg: typeof last): number =>
      leg !== last || outcome === undefined || outcome === "Answered" ? -1 : this.text(sayReason(outcome))
    const close = closed?.at ?? this.end
    if (request !== undefined) {
      this.arrow({
        ...common,
        ...{ sort: "Request", sent: request.at, end: answer?.at ?? close, bytes: request.bytes },
        ...{ fate: fateOf(request), content: contentOf("request"), remark: remarkOf(request) }
      })
    }
    if (answer !== undefined) {
      this.arrow({
        ...common,
        ...{ from: to, to: from, sort: "Answer", sent: answer.at, end: close, bytes: answer.bytes },
        ...{ fate: fateOf(answer), content: contentOf("answer"), remark: remarkOf(answer) }
      })
    }
  }

  add(event: SimulationEvent): void {
    const at = event.at
    switch (event._tag) {
      case "DatagramSent": {
        this.totals.datagrams++
        this.firstArrow ??= at
        const [from, to] = [this.at(event.from), this.at(event.to)]
        this.sent.set(event.id, {
          ...{ from, to, at, bytes: event.payload.length, remarks: [], isCorrupted: false, fates: 0 },
          ...this.content(event.payload)
        })
        return
      }
      case "DatagramCorrupted": {
        const sent = this.sent.get(event.id)
        if (sent === undefined) return
        const { messages } = Frame.decode(this.cluster, event.payload)
        const kinds = messages.map((message) => message._tag).join(", ") || "nothing that can be decoded"
        sent.remarks.push(`corrupted on the way: what arrives is ${kinds}`)
        sent.isCorrupted = true
        return
      }
      case "DatagramDuplicated":
        return void this.sent.get(event.id)?.remarks.push("sent twice by the link")
      case "DatagramDelivered":
      case "DatagramDropped": {
        if (event._tag === "DatagramDropped") this.totals.lost++
        const sent = this.sent.get(event.id)
        if (sent === undefined) return
        return event._tag === "DatagramDelivered"
          ? this.fate(sent, at, "Arrived", undefined)
          : this.fate(sent, at, "Lost", event.reason)
      }
      case "StreamOpened":
        this.totals.exchanges++
        this.firstArrow ??= at
        return void this.exchanges.set(event.id, { from: this.at(event.from), to: this.at(event.to), legs: {} })
      case "StreamLeg": {
        const exchange = this.exchanges.get(event.id)
        if (exchange === undefined) return
        exchange.legs[event.leg] = { at, bytes: event.bytes }
        return
      }
      case "StreamClosed": {
        if (event.outcome !== "Answered") this.totals.failed++
        const exchange = this.exchanges.get(event.id)
        if (exchange === undefined) return
        this.exchanges.delete(event.id)
        exchange.closed = { at, outcome: event.outcome }
        return this.exchange(exchange)
      }
      case "Note":
        if (this.notes.length >= maxFlags) return void this.undrawn++
        return void this.notes.push({ at: round(at), text: shorten(this.named(event.text)) })
      case "NodeStarted": {
        const lane = this.laneOfName.get(event.node)
        if (lane !== undefined) this.begin(lane, round(at))
        const isFirst = event.life === 1
        const label = isFirst ? "" : `life ${event.life}`
        const words = isFirst ? "starts" : `starts again: its life ${event.life}`
        return this.mark(event.node, at, "Started", label, `${event.node} ${words}`)
      }
      case "NodeStopped": {
        const life = this.laneNamed(event.node)?.lives.at(-1)
        if (life !== undefined) life.leaves = round(at)
        return this.mark(event.node, at, "Stopped", "", `${event.node} leaves`)
      }
      case "NodeCrashed": {
        const lane = this.laneOfName.get(event.node)
        if (lane !== undefined) this.cease(lane, round(at))
        return this.mark(event.node, at, "Crashed", "", `${event.node} crashes`)
      }
      case "NodePaused":
        this.laneNamed(event.node)?.pauses.push([round(at), Infinity])
        return this.mark(event.node, at, "Paused", "", `${event.node} stalls`)
      case "NodeResumed": {
        const lane = this.laneOfName.get(event.node)
        if (lane !== undefined) this.resume(lane, round(at))
        return this.mark(event.node, at, "Resumed", "", `${event.node} goes on`)
      }
      case "FaultBegan":
        return void this.faults.set(event.id, { at, end: undefined, fault: event.fault })
      case "FaultEnded": {
        const fault = this.faults.get(event.id)
        if (fault !== undefined) fault.end = at
        return
      }
      case "MemberChanged": {
        const { change, incarnation, member, node } = event
        const text = `${sayChange(node, member, change)}${
          incarnation === undefined ? "" : ` (incarnation ${incarnation})`
        }`
        return this.mark(node, at, change, member, text, member)
      }
      case "Violated":
        if (this.violations.length >= maxFlags) return void this.undrawn++
        return void this.violations.push({
          at: round(at),
          invariant: shorten(event.invariant),
          problem: shorten(event.problem, 4000)
        })
    }
  }

  private laneNamed(name: string): MutableLane | undefined {
    const lane = this.laneOfName.get(name)
    return lane === undefined ? undefined : this.lanes[lane]
  }

  // The network's own notes speak of addresses.
  private named(text: string): string {
    return text.split(" ").map((word) => {
      const lane = this.laneOfAddress.get(word)
      return lane === undefined ? word : this.lanes[lane]!.name
    }).join(" ")
  }

  private concerned(fault: Fault.Fault): Array<number> {
    const names = new Set<string>()
    for (const field of ["node", "group", "from", "to"] as const) {
      const value: unknown = (fault as { readonly [field: string]: unknown })[field]
      for (const name of Array.isArray(value) ? value : [value]) if (typeof name === "string") names.add(name)
    }
    const lanes = Array.from(names, (name) => this.laneOfName.get(name) ?? -1).filter((lane) => lane >= 0)
    return lanes.sort((a, b) => a - b)
  }

  finish(timeline: Timeline): Model {
    for (const sent of this.sent.values()) if (sent.fates === 0) this.fate(sent, this.end, "UnderWay", undefined)
    for (const exchange of this.exchanges.values()) this.exchange(exchange)
    for (const [lane, { isRunning, lives }] of this.lanes.entries()) {
      if (isRunning && lives.at(-1)!.leaves !== Infinity) this.cease(lane, this.end)
    }
    this.arrows.sort((a, b) => a.sent - b.sent)
    let firstArrow = this.firstArrow ?? 0
    const tooMany = this.arrows.length - maxArrows
    if (tooMany > 0) {
      this.arrows = this.arrows.slice(tooMany)
      firstArrow = this.arrows[0]!.sent
    }
    const events = (timeline.truncated ?? 0) + Math.max(0, tooMany)
    let nth = 0
    // by name, so that a kind keeps its colour from run to run
    const colours = new Map(
      this.kinds.values.map(({ name }) => name).sort().map((name) => [
        name,
        kindColour(name, weights[name] === undefined ? nth++ : 0)
      ])
    )
    return {
      title: shorten(timeline.title),
      seed: shorten(String(timeline.seed)),
      replay: timeline.replay === undefined ? undefined : printable(timeline.replay),
      end: this.end,
      whole: [round(-this.end * 0.008), round(this.end * 1.008)],
      lanes: this.lanes.map(({ address, isStranger, lives, name, pauses }) => ({
        ...{ name, address, isStranger },
        lives: lives.map((life) => {
          const to = Math.min(life.to, this.end)
          return { from: life.from, to, leaves: Math.min(life.leaves, to) }
        }),
        pauses: pauses.map(([from, to]) => [from, Math.min(to, this.end)] as const)
      })),
      kinds: this.kinds.values.map(({ count, name }) => ({
        ...{ name, count, colour: colours.get(name)!, weight: weights[name] ?? 3 }
      })),
      texts: this.texts.values,
      contents: this.contents.values,
      arrows: this.arrows,
      looks: this.looks.values,
      marks: this.marks.sort((a, b) => a.at - b.at),
      faults: Array.from(this.faults.values(), ({ at, end, fault }) => ({
        kind: fault._tag,
        colour: faultColour(fault._tag),
        at: round(at),
        end: round(Fault.lasts(fault) === 0 ? at : end ?? this.end),
        words: shorten(Fault.words(fault)),
        lanes: this.concerned(fault)
      })).sort((a, b) => a.at - b.at),
      notes: this.notes,
      violations: this.violations,
      missing: { events, until: events === 0 ? 0 : round(firstArrow), undrawn: this.undrawn },
      totals: this.totals
    }
  }
}

// Outcomes that the answer brings, and not the network.
const wasAnswered: ReadonlySet<string> = new Set(["TooLarge", "Refused", "Unreachable"])

/** Puts the events of a run together: those until it ended, and not how its nodes were closed then. */
export const make = (timeline: Timeline): Model => {
  const ended = timeline.events.findIndex((event) => event._tag === "RunEnded")
  const run = ended < 0 ? timeline : { ...timeline, events: timeline.events.slice(0, ended + 1) }
  const builder = new Builder(run)
  for (const event of run.events) builder.add(event)
  return builder.finish(run)
}

// -----------------------------------------------------------------------------
// accessors
// -----------------------------------------------------------------------------

/** The run's datagrams, exchanges and what was lost, in words. */
export const summary = (model: Model): ReadonlyArray<string> => {
  const { datagrams, exchanges, failed, lost } = model.totals
  return [
    seconds(model.end),
    many(model.lanes.filter((lane) => !lane.isStranger).length, "node"),
    many(datagrams, "datagram"),
    `${count(lost)} lost`,
    `${many(exchanges, "exchange")}${failed === 0 ? "" : `, ${count(failed)} failed`}`
  ]
}

const order = [...Message.tags]

/** The kinds in the order of the legend: probes, claims, others, exchanges. */
export const legend = (model: Model): ReadonlyArray<number> => {
  const place = (name: string): number => {
    if (name === "Exchange") return 1000
    if (name === "Undecodable") return 999
    const index = order.findIndex((tag) => tag === name)
    return index < 0 ? 998 : index
  }
  return model.kinds.map((_, index) => index).sort((a, b) => {
    const [left, right] = [model.kinds[a]!.name, model.kinds[b]!.name]
    return place(left) - place(right) || (left < right ? -1 : 1)
  })
}
