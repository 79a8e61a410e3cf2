/**
 * How many bytes a message takes on the wire, from its fields: what is counted, and what decides whether a rumor fits a
 * datagram, is so known without encoding it, which an experiment of ten thousand nodes could not afford.
 */
import { rumorIdSize } from "../../wire/DisseminationMessage.ts"
import type { Message } from "../../wire/Message.ts"
import type { Rumor } from "../Strategy.ts"

type News = Extract<Message, { readonly _tag: "News" }>

/** Bytes of a number in 7 bits each. */
const varint = (value: number): number => {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** Of a field: its number and kind are one byte. The lowest bit of a number is its sign. */
const integer = (value: number | undefined): number => value === undefined ? 0 : 1 + varint(2 * value)
const flag = (value: boolean | undefined): number => value === undefined ? 0 : 1
const bytes = (length: number | undefined): number => length === undefined ? 0 : 1 + varint(length) + length

/** Behind the length: the envelope, and the kind in four bytes. */
const headSize = 6
const framed = (fields: number): number => varint(headSize + fields) + headSize + fields

/** Bytes of a text in UTF-8. */
export const utf8Size = (text: string): number => {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    // a surrogate is half of four bytes
    size += unit < 0x800 || unit >= 0xd800 && unit < 0xe000 ? 1 : 2
  }
  return size
}

const newsFields = (news: News): number =>
  integer(news.id) + bytes(utf8Size(news.topic)) + bytes(utf8Size(news.origin)) + integer(news.publishedAt) +
  integer(news.age) + integer(news.hops) + integer(news.strategy) + bytes(news.payload.length) + integer(news.note) +
  flag(news.asked) + flag(news.repair)

/** The most that a field with a number of 32 bits takes. */
const widest = 6

/** Most bytes that any message takes which passes the rumor on. */
export const newsSizeAtMost = (rumor: Omit<Rumor, "large" | "bornAt">): number =>
  framed(
    integer(rumor.id) + bytes(utf8Size(rumor.topic)) + bytes(utf8Size(rumor.origin)) + integer(rumor.publishedAt) +
      integer(rumor.strategy) + bytes(rumor.payload.length) + 3 * widest + 2
  )

/** What a rumor takes besides in an answer that holds several, at most. */
export const fetchedOverhead = 32

/** Bytes of `Fetched` without its rumors, at most. */
export const fetchedSize = 64

/** Bytes of so many names of rumors. */
export const idsSize = (count: number): number => rumorIdSize * count

/** How many names of rumors fit a message of so many bytes, besides what else such messages hold. */
export const idsThatFit = (room: number): number => Math.max(1, Math.floor((room - 48) / rumorIdSize))

/** Bytes of a message of dissemination; of `Fetched` without its rumors. */
export const sizeOf = (message: Message): number => {
  switch (message._tag) {
    case "News":
      return framed(newsFields(message))
    case "Announce":
      return framed(bytes(message.ids?.length) + bytes(message.large?.length) + flag(message.repair))
    case "Ask":
      return framed(bytes(message.ids.length))
    case "Feedback":
      return framed(
        integer(message.strategy) + bytes(message.fresh?.length) + bytes(message.known?.length) +
          bytes(message.refused?.length)
      )
    case "Offer":
      return framed(integer(message.strategy) + bytes(message.ids.length))
    case "Pull":
      return framed(integer(message.strategy) + bytes(message.have?.length))
    case "RecentDigest":
      return framed(
        integer(message.count) + integer(message.hash) + bytes(message.ids?.length) + flag(message.wants) +
          flag(message.offers) + bytes(message.young?.length)
      )
    case "Fetch":
      return framed(bytes(message.ids?.length) + bytes(message.have?.length) + bytes(message.young?.length))
    case "Fetched":
      return framed(bytes(1) + bytes(message.wanted?.length) + flag(message.more))
    default:
      return 0
  }
}
