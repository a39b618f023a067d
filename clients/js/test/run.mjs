// Bundles a program of this directory with the sources, and runs it: `node test/run.mjs PROGRAM.ts [ARGUMENTS]`.
// Without arguments it runs the tests of the widget's parts.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [program = "parts.ts", ...rest] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), "holdfast-"));
const outfile = join(scratch, "program.mjs");
try {
  const entry = fileURLToPath(new URL(program, import.meta.url));
  await build({ entryPoints: [entry], outfile, bundle: true, platform: "node", format: "esm", loader: { ".css": "text" } });
  process.exitCode = spawnSync("node", [outfile, ...rest], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(scratch, { recursive: true });
}
