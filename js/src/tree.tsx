// A nested value as a tree that opens on demand.

import { Component } from "preact";
import type { Node } from "./wire";
import { number } from "./words";

const STEP = 100;

export function Tree({ node }: { node: Node }) {
  return (
    <div class="tree">
      <Branch node={node} depth={0} />
    </div>
  );
}

interface BranchProps {
  label?: string;
  node: Node;
  depth: number;
}

class Branch extends Component<BranchProps, { open: boolean; shown: number }> {
  override state = {
    open: !this.props.depth || (this.props.depth === 1 && (this.props.node.children?.length ?? 0) <= 8),
    shown: STEP,
  };

  render({ label, node, depth }: BranchProps, { open, shown }: { open: boolean; shown: number }) {
    const name = label === undefined ? null : <span class="label-of">{label}</span>;
    if (!node.children) {
      return (
        <div class="leaf">
          {name}
          <span class={`value ${node.type}`}>{node.text}</span>
          {!PLAIN.includes(node.type) && <span class="type">{node.type}</span>}
        </div>
      );
    }
    const size = node.size ?? node.children.length;
    const hidden = size - Math.min(shown, node.children.length);
    return (
      <details open={open} onToggle={(event) => this.setState({ open: event.currentTarget.open })}>
        <summary>
          {name}
          <span class="type">{node.type} of {number(size)}</span>
        </summary>
        {open && (
          <div class="children">
            {node.children.slice(0, shown).map(([key, child], index) => (
              <Branch key={index} label={key} node={child} depth={depth + 1} />
            ))}
            {shown < node.children.length ? (
              <button class="plain link" onClick={() => this.setState({ shown: shown + STEP })}>
                {number(hidden)} more
              </button>
            ) : (
              hidden > 0 && <span class="muted">and {number(hidden)} more</span>
            )}
          </div>
        )}
      </details>
    );
  }
}

/** Leaves whose text alone tells what they are. */
const PLAIN = ["str", "int", "float", "bool", "None", "cut"];
