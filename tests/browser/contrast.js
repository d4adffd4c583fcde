// Text whose contrast with the ground behind it is below 4.5, and drawn parts that tell something below 3 (WCAG AA), by
// the numbers of the pixels they would paint.
() => {
  const shadows = (root) => [...root.querySelectorAll("*")].flatMap(({ shadowRoot: one }) => (one ? [one, ...shadows(one)] : []));
  const { host } = shadows(document).find((one) => one.querySelector("section.panel"));
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (colors) => {
    brush.clearRect(0, 0, 1, 1);
    for (const color of colors) {
      brush.fillStyle = color;
      brush.fillRect(0, 0, 1, 1);
    }
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const grounds = (node) => {
    const found = [];
    for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) found.unshift(getComputedStyle(at).backgroundColor);
    return ["white", ...found];
  };
  const contrast = (color, back) => {
    const [a, b] = [light(over([...back, color])), light(over(back))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const low = [];
  let looked = 0;
  let least = 21;
  for (const node of host.shadowRoot.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    if (!own || box.width < 2 || style.visibility === "hidden" || node.disabled || node.closest("svg, option, style")) continue;
    looked++;
    const found = contrast(style.color, grounds(node));
    least = Math.min(least, found);
    if (found < 4.5) low.push(`${found.toFixed(2)} ${node.className} ${node.textContent.slice(0, 40)}`);
  }
  const drawn = {};
  for (const node of host.shadowRoot.querySelectorAll(".columns :is(.up, .down), .hitrate rect, .fall .ran, .verdict svg > *, .track > span, .icon")) {
    const style = getComputedStyle(node);
    const { width, height } = node.getBoundingClientRect();
    if (!width || !height || style.visibility === "hidden" || node.closest(":disabled")) continue;
    const colors = node.localName === "span" ? [style.backgroundColor] : [style.fill, style.stroke];
    const back = grounds(node.localName === "span" ? node.parentElement : node.closest("svg"));
    if (node.matches(".icon") && !node.querySelector("[d]")) low.push("an icon without its lines");
    const found = Math.max(...colors.filter((color) => color !== "none").map((color) => contrast(color, back)));
    const what = node.closest(".columns, .hitrate, .fall, .verdict, .track, .icon").classList[0];
    drawn[what] = Math.min(drawn[what] ?? 21, found);
    if (found < 3) low.push(`${found.toFixed(2)} drawn ${what} ${node.getAttribute("class")}`);
  }
  let edges = 21;
  for (const node of host.shadowRoot.querySelectorAll("section, button, select, input[type=checkbox], .search, .tag, .track")) {
    const { borderBottomStyle: kind, borderBottomColor: color } = getComputedStyle(node);
    if (kind === "none" || node.disabled || !node.offsetParent || color === "rgba(0, 0, 0, 0)") continue;
    edges = Math.min(edges, contrast(color, grounds(node.parentElement)));
  }
  let at = host.shadowRoot.activeElement;
  at = at?.closest(".search") ?? at;
  const { outlineStyle, outlineWidth, outlineColor } = at ? getComputedStyle(at) : {};
  const ringed = at && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { looked, low, least, drawn, edges, ring: ringed ? contrast(outlineColor, grounds(at.parentElement)) : 0 };
};
