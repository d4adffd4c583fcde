// What the bundler makes of a tag.
export { Fragment, h } from "preact";
