// The panel's style as one text: what stands in several files is joined and minified.
import { build } from "esbuild";

export async function styleText(path) {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, write: false, minify: true, target: "es2022", charset: "utf8" });
  return outputFiles[0].text.trim();
}
