// Two ESM files: the panel with its style inside, and what hosts it on the page of `spotmagic ui`. The same sources give
// the same bytes: CI builds again and compares.
import { build } from "esbuild";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { styleText } from "./style.mjs";

const LIMIT = 90_000;
const here = fileURLToPath(new URL(".", import.meta.url));
const out = fileURLToPath(new URL("../spotmagic/dashboard/static/", import.meta.url));

const styleAsText = {
  name: "style-as-text",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await styleText(path), loader: "text" }));
  },
};

const options = {
  absWorkingDir: here,
  bundle: true,
  external: ["./panel.js"],
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  // The classic call is shorter than the one that tsc and vitest use: children are arguments, not a property.
  tsconfigRaw: {},
  jsx: "transform",
  jsxFactory: "h",
  jsxFragment: "Fragment",
  legalComments: "none",
  define: { "define.amd": "false" },
  banner: { js: "/* spotmagic, built from js/ by `make js` */" },
  plugins: [styleAsText],
  logLevel: "warning",
};
await build({ ...options, entryPoints: ["src/widget.tsx"], outfile: `${out}panel.js`, inject: ["src/jsx.ts"] });
await build({ ...options, entryPoints: ["src/page.ts"], outfile: `${out}page.js` });

for (const name of ["panel.js", "page.js"]) {
  const { size } = await stat(out + name);
  console.log(`${name}: ${(size / 1000).toFixed(1)} kB`);
  if (size <= LIMIT) continue;
  console.error(`${name} is above ${LIMIT / 1000} kB`);
  process.exitCode = 1;
}
