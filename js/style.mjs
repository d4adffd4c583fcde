// The panel's style as one text: what stands in several files is joined, minified, and its own custom properties are
// called by one or two letters; the hosts' keep their names.
import { build, transform } from "esbuild";

export async function styleText(path) {
  const { outputFiles } = await build({ entryPoints: [path], bundle: true, write: false, charset: "utf8" });
  const { code } = await transform(short(outputFiles[0].text), { loader: "css", minify: true, target: "es2022", charset: "utf8" });
  return code.trim();
}

function short(css) {
  const own = [...new Set([...css.matchAll(/^ {2}--([\w-]+):/gm)].map(([, name]) => name))];
  const tight = css.replaceAll(/(?<=^ {2}--.*), /gm, ",");
  return own.reduce((text, name, n) => text.replaceAll(new RegExp(`--${name}(?![\\w-])`, "g"), `--${n.toString(36)}`), tight);
}
