/** Checks of plots, for tests. */
import { assert } from "vitest"

/**
 * Without a way to parse XML at hand: every element that is opened is closed, there is nothing that was no number, and
 * the texts are there.
 */
export const checkSvg = (svg: string, ...texts: ReadonlyArray<string>): void => {
  assert.match(svg, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  const open: Array<string> = []
  for (const [, end, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)((?:"[^"]*"|[^">])*)>/g)) {
    if (end === "/") assert.strictEqual(open.pop(), name)
    else if (!rest!.endsWith("/")) open.push(name!)
  }
  assert.deepStrictEqual(open, [])
  assert.notMatch(svg, /NaN|undefined/)
  for (const text of texts) assert.include(svg, text)
}
