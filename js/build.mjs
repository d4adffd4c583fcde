// One ESM file with its style inside. The same sources give the same bytes: CI builds again and compares.
import { build, transform } from "esbuild";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const LIMIT = 60_000;
const out = fileURLToPath(new URL("../spotmagic/dashboard/static/panel.js", import.meta.url));

export const styleAsText = {
  name: "style-as-text",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true, target: "es2022" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const { outputFiles } = await build({
  absWorkingDir: fileURLToPath(new URL(".", import.meta.url)),
  entryPoints: ["src/widget.tsx"],
  outfile: out,
  bundle: true,
  write: true,
  metafile: false,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  define: { "define.amd": "false" },
  banner: { js: "/* spotmagic panel, built from js/ by `make js` */" },
  plugins: [styleAsText],
  logLevel: "warning",
}).then(async (result) => ({ ...result, outputFiles: [await readFile(out)] }));

const size = outputFiles[0].byteLength;
console.log(`panel.js: ${(size / 1000).toFixed(1)} kB`);
if (size > LIMIT) {
  console.error(`panel.js is above ${LIMIT / 1000} kB`);
  process.exit(1);
}
