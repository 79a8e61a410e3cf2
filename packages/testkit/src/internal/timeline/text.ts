/** Words and numbers for people, and text that is safe to put into HTML and XML. */

// What XML 1.0 does not allow, and what would reorder the text around it: a name shows what it holds.
const unprintable = /(?![\t\n\r])\p{Control}|\p{Surrogate}|\p{Bidi_Control}|[\ufffe\uffff]/gu

/** Text without characters that are not allowed in XML, are invisible, or turn other text around; well formed. */
export const printable = (text: string): string => text.replace(unprintable, "\ufffd")

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "\"": "&quot;",
  "'": "&#39;"
}

/** Text as the content or an attribute of HTML and XML. */
export const escape = (text: string): string => printable(text).replace(/[&<>"']/g, (character) => entities[character]!)

/** JSON that may stand inside a `script` element, which ends at `</` and changes its rules at `<!--`. */
export const json = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** Milliseconds as seconds. */
export const seconds = (millis: number): string => `${Number((millis / 1000).toFixed(3))} s`

/** 12345 as "12,345": the same in every locale. */
export const count = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+$)/g, ",")

/** "1 node", "2 nodes". */
export const many = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`

/** "NoSuchAddress" as "no such address". */
export const spaced = (tag: string): string => tag.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase()
