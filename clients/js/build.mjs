// Builds the scripts that the service serves: `dist/widget.js`, and those of its pages. `node build.mjs DIRECTORY` writes
// them elsewhere, to compare.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: { widget: "src/widget/define.ts", demo: "src/demo/demo.ts", return: "src/return/return.ts" },
  outdir: process.argv[2] ?? "dist",
  bundle: true,
  minify: true,
  // Plain scripts: they work with and without `type="module"`.
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: "/* @holdfast/checkout, MIT OR Apache-2.0; widget.js contains openapi-fetch, MIT */" },
});
