import * as Option from "effect/Option"
import { assert, describe, expect, it } from "vitest"
import { extract, toModule } from "./doctest.ts"
import { assertEqual } from "./doctestAssert.ts"

const fence = "```"

describe("doctest", () => {
  it("extracts marked blocks of doc comments and Markdown, and no others", () => {
    const source = [
      "const fence = 1",
      "/**",
      " * Adds.",
      " *",
      ` * ${fence}ts import.meta.vitest name="adds"`,
      " * const x = {",
      " *   a: 1 }",
      ` * ${fence}`,
      " *",
      ` * ${fence}ts`,
      " * unmarked()",
      ` * ${fence}`,
      " */",
      `// ${fence}ts import.meta.vitest`
    ].join("\n")
    assert.deepStrictEqual(extract("x.ts", source), [
      { line: 5, name: "adds", code: "const x = {\n  a: 1 }\n", use: "run" }
    ])
    const markdown = `# Title\n\n${fence}ts import.meta.vitest check\nserve()\n${fence}\n\n${fence}sh\nls\n${fence}\n
${fence}ts import.meta.vitest tests name="a check"\nit()\n${fence}\n`
    assert.deepStrictEqual(extract("x.md", markdown), [
      { line: 3, name: "line 3", code: "serve()\n", use: "check" },
      { line: 11, name: "a check", code: "it()\n", use: "tests" }
    ])
  })

  it("turns `// =>` into assertions", () => {
    const code = "const a = f(1) // => 1\ng({\n  a\n}) // => [a, \"// no\"]\n// a comment"
    assert.strictEqual(
      toModule(code, "./assert.ts"),
      [
        "import { assertEqual } from \"./assert.ts\"",
        "const a = f(1) ;assertEqual(a,  1)",
        ";assertEqual(g({",
        "  a",
        "}),  [a, \"// no\"])",
        "// a comment"
      ].join("\n")
    )
  })

  it("refuses an assertion that would assert nothing", () => {
    expect(() => toModule("// => 1", "")).toThrow("must follow")
    expect(() => toModule("const x = 1\n// => 1", "")).toThrow("must follow")
    expect(() => toModule("const { x } = y // => 1", "")).toThrow("must follow")
    expect(() => toModule("f(() => {\n  g() // => 1\n})", "")).toThrow("must follow")
  })

  it("compares by value", () => {
    assertEqual(Option.some([1, { a: 2 }]), Option.some([1, { a: 2 }]))
    expect(() => assertEqual(Option.some(1), Option.some(2))).toThrow()
    expect(() => assertEqual(1, "1")).toThrow()
    expect(() => assertEqual(Option.none(), undefined)).toThrow()
  })
})
