import { defineConfig } from "vitest/config"

const ci = process.env.CI !== undefined && process.env.CI !== ""

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts", "scripts/**/*.test.ts"],
    // scripts/vitest holds tests that are to fail
    exclude: ["**/node_modules/**", "**/dist/**", "**/build/**", "scripts/vitest/**"],
    // `it.effect` and `assert.deepStrictEqual` compare Effect's data types by value.
    setupFiles: ["./scripts/vitest.setup.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // CI reads its counts from this report.
    reporters: ci ? ["default", ["json", { outputFile: "build/test-report.json" }]] : ["default"]
  }
})
