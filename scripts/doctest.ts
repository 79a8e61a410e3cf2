/**
 * Examples in documentation, as modules that can be checked and run.
 *
 * A fenced block of a doc comment or a Markdown file that opens with "ts import.meta.vitest" is an example: it is
 * type-checked, and run as a test of its own. With the word `check` behind the marker it is type-checked only (a program
 * that runs for ever, or binds a port); with the word `tests` it is a test file, which defines tests with `it` or the
 * like. `name="..."` names the test. As in Effect's own documentation,
 *
 *     Option.map(Option.some(1), (n) => n + 1) // => Option.some(2)
 *     const n = await Effect.runPromise(Effect.succeed(1)) // => 1
 *
 * asserts that what stands before the comment equals the expression behind it, which sees the example's own variables.
 */
import { parseAst } from "vitest/node"

export interface Example {
  /** Of its opening fence, from 1. */
  readonly line: number
  readonly name: string
  readonly code: string
  /** Whether it is run as a test, defines tests, or is type-checked only. */
  readonly use: "run" | "tests" | "check"
}

const docComment = /\/\*\*[\s\S]*?\*\//g
const fence = /^[ \t]*(?:\* ?)?```ts[ \t]+(import\.meta\.vitest.*)\n([\s\S]*?)^[ \t]*(?:\* ?)?```/gm

const lineAt = (text: string, index: number): number => text.slice(0, index).split("\n").length

export const extract = (file: string, text: string): ReadonlyArray<Example> => {
  const isMarkdown = file.endsWith(".md")
  const comments = isMarkdown ? [{ 0: text, index: 0 }] : [...text.matchAll(docComment)]
  return comments.flatMap((comment) =>
    [...comment[0].matchAll(fence)].map(({ 1: opening = "", 2: body = "", index }) => {
      const line = lineAt(text, comment.index + index)
      const name = /name="([^"]*)"/.exec(opening)
      const info = opening.replace(name?.[0] ?? "", "")
      return {
        line,
        name: name?.[1] ?? `line ${line}`,
        code: isMarkdown ? body : body.replace(/^[ \t]*\* ?/gm, ""),
        use: / check\b/.test(info) ? "check" : / tests\b/.test(info) ? "tests" : "run"
      }
    })
  )
}

interface Statement {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly expression?: { readonly start: number; readonly end: number }
  readonly declarations?: ReadonlyArray<{ readonly id: { readonly name?: string } }>
}

/** The example as a module in which each `// =>` has become an assertion. Throws where one has nothing to assert on. */
export const toModule = (code: string, assertions: string): string => {
  const statements = parseAst(code, { lang: "ts" }).body as ReadonlyArray<unknown> as ReadonlyArray<Statement>
  const markers = [...code.matchAll(/\/\/ =>(.*)$/gm)]
  let module = code
  // From the last to the first, so that the positions of those before stay true.
  for (const { 0: marker, 1: expected = "", index } of markers.toReversed()) {
    const statement = statements.findLast(({ end }) => end <= index)
    const isBehind = statement !== undefined && /^;?[ \t]*$/.test(code.slice(statement.end, index))
    const name = statement?.declarations?.length === 1 ? statement.declarations[0]?.id.name : undefined
    const after = module.slice(index + marker.length)
    if (isBehind && statement.expression !== undefined) {
      const actual = code.slice(statement.expression.start, statement.expression.end)
      module = `${module.slice(0, statement.start)};assertEqual(${actual}, ${expected})${after}`
    } else if (isBehind && name !== undefined) {
      module = `${module.slice(0, index)};assertEqual(${name}, ${expected})${after}`
    } else {
      throw new Error(`"${marker}" must follow an expression or the declaration of one constant, on the same line`)
    }
  }
  return `import { assertEqual } from "${assertions}"\n${module}`
}
