// A stored page, made safe to show: no scripts (the frame has an empty sandbox), no network (the policy), no way out
// (links, forms and refreshes are taken away).

const POLICY =
  "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; font-src data:; " +
  "base-uri 'none'; form-action 'none'";
const GONE =
  "script, iframe, frame, object, embed, base, meta, link, portal, applet, template, noscript, noembed, noframes, math";
const LEAVES = ["href", "xlink:href", "action", "formaction", "target", "ping", "background", "srcset"];

/** The text of a document that only shows what is in it. */
export function harmless(html: string): string {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const element of page.querySelectorAll(GONE)) element.remove();
  for (const element of page.querySelectorAll("*")) {
    for (const name of LEAVES) element.removeAttribute(name);
    for (const { name } of [...element.attributes]) if (name.startsWith("on")) element.removeAttribute(name);
  }
  const policy = page.createElement("meta");
  policy.setAttribute("http-equiv", "Content-Security-Policy");
  policy.setAttribute("content", POLICY);
  const look = page.createElement("style");
  look.textContent = "html{color-scheme:light;background:#fff;color:#1a1a1a;font:14px system-ui,sans-serif}";
  page.head.prepend(policy, look);
  return `<!doctype html>${page.documentElement.outerHTML}`;
}
