// Text whose contrast with the ground behind it is below 4.5 (WCAG AA), by the numbers of the pixels it would paint.
() => {
  const host = [...document.querySelectorAll("[data-lm-suppress-shortcuts]")].find((one) => one.shadowRoot);
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
  const low = [];
  let looked = 0;
  for (const node of host.shadowRoot.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    if (!own || box.width < 2 || style.visibility === "hidden" || node.disabled || node.closest("svg, option, style")) continue;
    looked++;
    const back = grounds(node);
    const [a, b] = [light(over([...back, style.color])), light(over(back))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) low.push(`${contrast.toFixed(2)} ${node.className} ${node.textContent.slice(0, 40)}`);
  }
  return { looked, low };
};
