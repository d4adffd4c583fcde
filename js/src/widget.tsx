// The entry of the bundle, for anywidget and for the page of `spotmagic ui`.

import { render as mount } from "preact";
import { App } from "./app";
import { Desk } from "./desk";
import css from "./styles/all.css";
import type { Model } from "./wire";

interface Rendering {
  model: Model;
  el: HTMLElement;
  signal?: AbortSignal;
  host?: { getModel?(ref: string): Promise<Model> };
}

export function render({ model, el, signal, host }: Rendering): () => void {
  const root = el.shadowRoot ?? el.attachShadow({ mode: "open" });
  dress(root);
  const place = document.createElement("div");
  root.replaceChildren(...[...root.children].filter((child) => child.localName === "style"), place);
  keepKeys(el, root);

  const desk = new Desk(model);
  desk.start(() => mount(<App desk={desk} />, place));
  const follow = findFeed(model, host).then((feed) => feed && desk.follow(feed));
  const showTwin = hideTwin(String(model.get("twin") ?? ""));

  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    signal?.removeEventListener("abort", end);
    desk.close();
    mount(null, place);
    showTwin();
    void follow;
  };
  signal?.addEventListener("abort", end);
  return end;
}

/** The style goes into the shadow root, so that it reaches nothing of the host's page. */
function dress(root: ShadowRoot): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = css;
    root.append(style);
  }
}

const KEEP = "data-lm-suppress-shortcuts";

/** A notebook reads single letters as commands ("dd" deletes a cell): what is typed here stays here. Saving goes through. */
function keepKeys(el: HTMLElement, root: ShadowRoot): void {
  el.setAttribute(KEEP, "true");
  root.addEventListener("keydown", (event) => {
    const key = event as KeyboardEvent;
    if (key.key !== "s" || !(key.ctrlKey || key.metaKey)) return event.stopPropagation();
    el.removeAttribute(KEEP);
    setTimeout(() => el.setAttribute(KEEP, "true"));
  });
}

async function findFeed(model: Model, host: Rendering["host"]): Promise<Model | null> {
  const ref = model.get("feed");
  if (typeof ref !== "string" || !ref) return null;
  try {
    if (host?.getModel) return await host.getModel(ref);
    return (await model.widget_manager?.get_model(ref.replace(/^anywidget:/, ""))) ?? null;
  } catch {
    return null; // a saved notebook has no feed: its numbers stand still
  }
}

/** How many views of each panel live. */
const living = new Map<string, number>();

/**
 * The static page shown where no panel can live is hidden while one does, and the panel's own output is shown: by rules
 * and not by hand, as a host may draw either of them later, or anew.
 */
function hideTwin(name: string): () => void {
  if (!/^[\w-]+$/.test(name)) return () => {};
  const count = (change: number) => {
    const views = (living.get(name) ?? 0) + change;
    living.set(name, views);
    document.documentElement.classList.toggle(`${name}-drawn`, views > 0);
    const known = document.head.querySelector(`style[data-twin="${name}"]`);
    if (!views) known?.remove();
    if (!views || known) return;
    const style = document.createElement("style");
    style.dataset.twin = name;
    style.textContent = `.jp-OutputArea-child:has(>.jp-OutputArea-output>.${name}),.${name}{display:none!important}`;
    document.head.append(style);
  };
  count(1);
  return () => count(-1);
}

export default { render };
