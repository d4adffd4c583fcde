// The panel on a page of its own: what a notebook's widget manager does, over one socket to `spotmagic ui`.

import panel from "./panel.js";
import type { Model } from "./wire";

type Handler = (...args: any[]) => void;

/** A model whose values come from the server. */
class PageModel implements Model {
  private readonly handlers = new Map<string, Set<Handler>>();

  constructor(
    private readonly state: Record<string, unknown>,
    readonly send: (content: unknown) => void = () => {},
  ) {}

  get(name: string): unknown {
    return this.state[name];
  }

  set(name: string, value: unknown): void {
    this.state[name] = value;
    this.emit(`change:${name}`);
  }

  on(event: string, handler: Handler): void {
    const known = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, known.add(handler));
  }

  off(event?: string | null, handler?: Handler | null): void {
    if (event && handler) this.handlers.get(event)?.delete(handler);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) handler(...args);
  }
}

const FIRST_WAIT = 500;
const LONGEST_WAIT = 5000;

let socket: WebSocket;
let wait = FIRST_WAIT;
let shown = false;

const feed = new PageModel({ beat: {} });
const model = new PageModel({ first: {}, feed: "feed", place: "page" }, (content) => {
  if (socket.readyState !== WebSocket.OPEN) throw new Error("The server does not answer.");
  socket.send(JSON.stringify(content));
});

function connect(): void {
  socket = new WebSocket(`ws://${location.host}/live${location.pathname.replace(/^\/(spot)?/, "")}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    wait = FIRST_WAIT;
    if (shown) model.emit("change:first");
    else show();
  };
  socket.onmessage = ({ data }) => {
    const [message, buffers] = opened(data as ArrayBuffer);
    if (message.t === "beat") feed.set("beat", message);
    else model.emit("msg:custom", message, buffers);
  };
  socket.onclose = () => {
    if (shown) model.emit("gone");
    else show();
    setTimeout(connect, wait);
    wait = Math.min(LONGEST_WAIT, wait * 2);
  };
}

/** The message in a frame and its buffers: the length of the head in 4 bytes, the head as JSON, the buffers. */
function opened(data: ArrayBuffer): [{ t: string; sizes: number[] }, DataView[]] {
  const length = new DataView(data).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  let at = 4 + length;
  const buffers = message.sizes.map((size: number) => {
    at += size;
    return new DataView(data, at - size, size);
  });
  return [message, buffers];
}

function show(): void {
  shown = true;
  const el = document.querySelector("main") as HTMLElement;
  panel.render({ model, el, host: { getModel: async () => feed } });
}

connect();
