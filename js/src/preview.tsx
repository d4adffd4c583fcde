// A stored value made visible without running any of it.

import { Component } from "preact";
import type { Shown } from "./desk";
import { harmless } from "./frame";
import { Markdown, isMarkdown } from "./markdown";
import { Tree } from "./tree";
import type { Preview } from "./wire";
import { bytes, counted, number } from "./words";

export function PreviewView({ preview, buffers, more }: Shown & { more: () => void }) {
  switch (preview.view) {
    case "text":
      return (
        <>
          {preview.label && <p class="label">{preview.label}</p>}
          <Text {...preview} />
          {!preview.whole && <Cut size={preview.size} more={more} />}
        </>
      );
    case "tree":
      return (
        <>
          {preview.main && (
            <>
              <p class="label"><code>{preview.name}</code></p>
              <PreviewView preview={preview.main} buffers={buffers} more={more} />
            </>
          )}
          <Tree node={preview.tree} />
          {!preview.whole && <Cut more={more} />}
        </>
      );
    case "strip":
      return <Strip {...preview} />;
    case "table":
      return <Grid {...preview} />;
    case "media":
      return <Media {...preview} data={buffers[preview.buffer]} />;
    case "html":
      return (
        <>
          <Page html={preview.html} />
          {!preview.whole && <Cut size={preview.size} more={more} />}
        </>
      );
    case "hex":
      return (
        <>
          {preview.text && <pre class="text">{preview.text}</pre>}
          <p class="label">
            {preview.type && <code>{preview.type}</code>} {bytes(preview.size)}. {preview.why}{" "}
            {!preview.hex && <button class="plain link" onClick={more}>Show its bytes</button>}
          </p>
          {preview.hex && <Hex hex={preview.hex} />}
        </>
      );
    case "error":
      return <p class="label bad"><code>{preview.type}</code> {preview.text}</p>;
    case "list":
      return (
        <ol class="outputs">
          {preview.items.map((item, index) => (
            <li key={index}><PreviewView preview={item} buffers={buffers} more={more} /></li>
          ))}
          {preview.more > 0 && <li class="muted">and {number(preview.more)} more</li>}
        </ol>
      );
    case "none":
      return <p class="label">{preview.why}</p>;
  }
}

const LONGEST = 40_000;
type TextProps = Extract<Preview, { view: "text" }>;

/** A text, set as Markdown where it is written so; as it is kept one click away. */
class Text extends Component<TextProps, { raw: boolean }> {
  override state = { raw: false };

  render({ text, label, markdown }: TextProps, { raw }: { raw: boolean }) {
    const set = !label && text.length <= LONGEST && (markdown || isMarkdown(text));
    const plain = <pre class={`text ${label === "stderr" ? "stderr" : ""}`}>{text}</pre>;
    if (!set) return plain;
    return (
      <>
        {raw ? plain : <Markdown text={text} />}
        <p class="label">
          <button class="plain link" onClick={() => this.setState({ raw: !raw })}>{raw ? "Show as Markdown" : "Show as text"}</button>
        </p>
      </>
    );
  }
}

/** A row of numbers, such as an embedding: each a line up or down from the middle. */
function Strip({ type, size, values, low, high, norm, first }: Extract<Preview, { view: "strip" }>) {
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const path = values.map((value, at) => `M${at + 0.5} 20V${(20 - (19 * value) / most).toFixed(1)}`).join("");
  const about = `${counted(size, "number")} from ${low.toPrecision(3)} to ${high.toPrecision(3)}`;
  return (
    <figure>
      <svg class="strip" viewBox={`0 0 ${values.length} 40`} preserveAspectRatio="none" role="img" aria-label={about}>
        <path d={path} />
      </svg>
      <figcaption class="label">
        {about}, length {norm.toPrecision(4)}, <code>{type}</code>
        <details>
          <summary>The first {number(first.length)}</summary>
          <code>{first.join(", ")}</code>
        </details>
      </figcaption>
    </figure>
  );
}

function Cut({ size, more }: { size?: number; more: () => void }) {
  return (
    <p class="label">
      Only the beginning{size ? ` of ${bytes(size)}` : ""}.{" "}
      <button class="plain link" onClick={more}>Show more</button>
    </p>
  );
}

function Grid({ columns, rows, labels, height, width }: Extract<Preview, { view: "table" }>) {
  const sides = columns.map((column) => (/int|float|double|decimal/i.test(column.type) ? "num" : ""));
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table">
        <table class="grid">
          <thead>
            <tr>
              <th />
              {columns.map((column, index) => (
                <th key={index} scope="col" class={sides[index]}>
                  {column.name}
                  <small>{column.type}</small>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                <th scope="row">{labels[index]}</th>
                {row.map((cell, at) => <td key={at} class={sides[at]}>{cell}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="label">
        {counted(height, "row")}, {counted(width, "column")}
        {rows.length < height && `; the first ${number(rows.length)} shown`}
        {columns.length < width && `, ${counted(columns.length, "column")} shown`}
      </p>
    </>
  );
}

/** A stored page. It is never drawn again, so that it keeps its place when the panel around it changes. */
class Page extends Component<{ html: string }> {
  override shouldComponentUpdate() {
    return false;
  }

  render({ html }: { html: string }) {
    return <iframe class="page" sandbox="" srcdoc={harmless(html)} title="The stored page, without scripts" />;
  }
}

type MediaProps = Extract<Preview, { view: "media" }> & { data: DataView | undefined };

/** Stored bytes shown through a URL that lives as long as they are shown. */
class Media extends Component<MediaProps> {
  private readonly url = this.props.data
    ? URL.createObjectURL(new Blob([this.props.data as DataView<ArrayBuffer>], { type: this.props.mime }))
    : "";

  override componentWillUnmount() {
    URL.revokeObjectURL(this.url);
  }

  render({ media, mime, size }: MediaProps) {
    const url = this.url;
    const about = `${mime.replace("+xml", "").split("/")[1]?.toUpperCase()}, ${bytes(size)}`;
    if (!url) return <p class="label">{about}</p>;
    return (
      <figure>
        {media === "image" && <img src={url} alt={`The stored image, ${about}`} />}
        {media === "audio" && <audio src={url} controls aria-label="The stored sound" />}
        {media === "video" && <video src={url} controls aria-label="The stored film" />}
        <figcaption class="label">{about}</figcaption>
      </figure>
    );
  }
}

const PER_LINE = 16;

/** Bytes as offset, hex and letters. */
function Hex({ hex }: { hex: string }) {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 2 * PER_LINE) {
    const pairs = hex.slice(at, at + 2 * PER_LINE).match(/../g) ?? [];
    const letters = pairs.map((pair) => {
      const code = Number.parseInt(pair, 16);
      return code >= 32 && code < 127 ? String.fromCharCode(code) : "·";
    });
    const offset = (at / 2).toString(16).padStart(4, "0");
    lines.push(`${offset}  ${pairs.join(" ").padEnd(PER_LINE * 3)} ${letters.join("")}`);
  }
  return <pre class="text hex" aria-label="The first bytes">{lines.join("\n")}</pre>;
}
