// Builds dist/widget.js, the file that the service serves. `node build.mjs PATH` writes it elsewhere, to compare.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["src/widget/define.ts"],
  outfile: process.argv[2] ?? "dist/widget.js",
  bundle: true,
  minify: true,
  // A plain script: it works with and without `type="module"`.
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  loader: { ".css": "text" },
  banner: { js: "/* @holdfast/checkout, MIT OR Apache-2.0; contains openapi-fetch, MIT */" },
});
