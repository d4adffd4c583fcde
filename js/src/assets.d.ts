declare module "*.css" {
  const text: string;
  export default text;
}

// The other bundle, beside this one when it is served.
declare module "*/panel.js" {
  import type { render } from "./widget";
  const panel: { render: typeof render };
  export default panel;
}
