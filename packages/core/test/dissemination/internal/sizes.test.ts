import { assert, describe, it } from "@effect/vitest"
import {
  fetchedOverhead,
  fetchedSize,
  newsSizeAtMost,
  sizeOf,
  utf8Size
} from "../../../src/dissemination/internal/sizes.ts"
import { encodeMessage } from "../../../src/wire/Frame.ts"
import type { Message } from "../../../src/wire/Message.ts"
import * as Arbitraries from "../../support/arbitraries.ts"
import type { News } from "./harness.ts"

const size = (message: Message) => encodeMessage(message).length

describe("the size of a message", () => {
  it.prop(
    "is that of its bytes on the wire",
    { message: Arbitraries.disseminationMessage },
    ({ message }) => {
      if (message._tag !== "Fetched") assert.strictEqual(sizeOf(message), size(message))
      else {
        const around = { ...message, news: [] }
        assert.isAtLeast(sizeOf(around), size(around))
        assert.isAtMost(sizeOf(around), size(around) + 4)
        assert.isAtMost(size(around), fetchedSize + (message.wanted?.length ?? 0))
      }
    },
    { arbitrary: { runs: 1000 } }
  )

  it.prop(
    "that passes a rumor on is never above the size by which it is decided whether it fits",
    { news: Arbitraries.news },
    ({ news }) => {
      const { _tag: _, ...rest } = news
      const rumor = { ...rest, hops: 0 }
      const full = { ...news, age: 0xffff_ffff, hops: 0xffff_ffff, note: 0xffff_ffff, asked: true, repair: true }
      assert.isAtMost(size(full), newsSizeAtMost(rumor))
      assert.isAtMost(newsSizeAtMost(rumor), size(full) + 4)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "of an answer that holds rumors is never above what they are reckoned with",
    { news: Arbitraries.news, other: Arbitraries.news },
    ({ news, other }) => {
      const all: Array<News> = [news, other, news]
      const reckoned = all.reduce(
        (sum, { _tag: _, ...rumor }) => sum + newsSizeAtMost({ ...rumor, hops: 0 }) + fetchedOverhead,
        fetchedSize
      )
      assert.isAtMost(size({ _tag: "Fetched", news: all, more: true }), reckoned)
    },
    { arbitrary: { runs: 500 } }
  )

  it("counts texts in UTF-8", () => {
    for (const text of ["", "a", "é", "漢", "🦊", "aé漢🦊"]) {
      assert.strictEqual(utf8Size(text), new TextEncoder().encode(text).length, text)
    }
  })
})
