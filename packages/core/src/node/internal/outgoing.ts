/**
 * From a node to the transport: datagrams, and exchanges with peers.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Semaphore from "effect/Semaphore"
import * as GossipMetrics from "../../GossipMetrics.ts"
import type { TransportError } from "../../Transport.ts"
import { assemble, decodeSingle, encodeMessage } from "../../wire/Frame.ts"
import type { Message } from "../../wire/Message.ts"
import { ownAddress } from "../Protocol.ts"
import type { Mail, Outgoing, Request } from "./actor.ts"
import type { Inbox } from "./inbox.ts"
import type { Shared } from "./shared.ts"

/** Exchanges that may wait for their turn, as a multiple of `maxExchanges`. */
const waitingExchanges = 8

/** Datagrams sent in a row before others of the process get their turn. */
const sendBurst = 32

/** Sends what is queued, until the queue has ended. */
export const writing = ({ actor, transport }: Shared, outgoing: Inbox<Outgoing>) =>
  Effect.gen(function*() {
    while (!outgoing.isDone) {
      yield* outgoing.filled
      for (let datagram = outgoing.take(), sent = 1; datagram !== undefined; datagram = outgoing.take(), sent++) {
        const { frame, to } = datagram
        // one datagram that fails, or breaks the transport, must not keep the next ones from being sent
        yield* Effect.catchCause(transport.send(to, frame), (cause) => {
          if (Cause.hasInterrupts(cause)) return Effect.interrupt
          actor.drop(reasonOf(cause))
          return Cause.hasDies(cause)
            ? Effect.logError(`sending a datagram to ${to} broke the transport`, cause)
            : Effect.logDebug(`no datagram could be sent to ${to}`, cause)
        })
        // sends complete at once and would keep the receiving side of this process from its work
        if (sent % sendBurst === 0) yield* Effect.yieldNow
      }
    }
  })

const reasonOf = (cause: Cause.Cause<TransportError>): string => {
  const error = Cause.findErrorOption(cause)
  return Option.isSome(error) && error.value.reason._tag === "TooLarge" ? "TooLarge" : "SendFailed"
}

interface Outcome {
  readonly answer: Message | undefined
  readonly failure: string
}

const answered = ({ exchange, machine, slot }: Request, outcome: Outcome): Mail => ({
  _tag: "Answered",
  slot,
  machine,
  exchange,
  ...outcome
})

/** The mail that says that a request has no answer. */
export const unanswered = (request: Request, failure: string): Mail => answered(request, { answer: undefined, failure })

/** Exchanges with peers, of which so many are open at a time, and so many wait. */
export const makeExchanges = Effect.fnUntraced(
  function*({ actor, cluster, counters, mailbox, options, transport }: Shared) {
    const permits = yield* Semaphore.make(options.maxExchanges)
    let open = 0

    // each address that a seed's name stands for, until one answers
    const exchange = Effect.fn("gossip.exchange")(function*({ message, to }: Request) {
      yield* Effect.annotateCurrentSpan({ node: options.id, to, kind: message._tag })
      const addresses = (yield* transport.resolve(to)).filter((address) => address !== transport.address)
      const frame = assemble(cluster, [encodeMessage(message)])
      let problem: string = ownAddress
      for (const address of addresses) {
        counters.add(GossipMetrics.exchangeBytes, { direction: "out" }, frame.length)
        const result = yield* Effect.result(transport.exchange(address, frame))
        if (result._tag === "Failure") {
          problem = result.failure.message
          continue
        }
        counters.add(GossipMetrics.exchangeBytes, { direction: "in" }, result.success.length)
        const { dropped, messages } = decodeSingle(cluster, result.success)
        for (const reason of dropped) actor.drop(reason)
        if (messages.length === 1) return { answer: messages[0], failure: "" }
        problem = `its answer was not understood: ${dropped.join(", ")}`
      }
      return { answer: undefined, failure: problem }
    })

    const perform = (request: Request) =>
      permits.withPermit(exchange(request)).pipe(
        Effect.catch((error: TransportError) => Effect.succeed<Outcome>({ answer: undefined, failure: error.message })),
        Effect.catchCause((cause) =>
          Cause.hasInterrupts(cause)
            ? Effect.failCause(cause)
            : Effect.as(Effect.logError("an exchange broke the transport", cause), {
              answer: undefined,
              failure: "it broke this node's transport"
            })
        ),
        Effect.flatMap((outcome: Outcome) => {
          counters.add(GossipMetrics.exchanges, {
            direction: "out",
            result: outcome.answer === undefined ? "failed" : "answered"
          })
          return mailbox.put(answered(request, outcome))
        }),
        Effect.onExit(() => Effect.sync(() => open--))
      )

    /** What makes a request, or undefined when too many wait already. */
    const begin = (request: Request) => {
      if (open >= options.maxExchanges * (1 + waitingExchanges)) return undefined
      open++
      return perform(request)
    }

    return { begin }
  }
)
