// Owns content that has fields of its own, such as Protobuf: each with its number or name, what it was read as, and what is below it.
import type { TreeNode } from '../../../flows/content/content-view.ts';

export function FieldTree({ nodes }: { readonly nodes: readonly TreeNode[] }) {
  return (
    <ul class="json field-tree">
      {nodes.map((node, at) => (
        <FieldNode key={`${at} ${node.name}`} {...node} />
      ))}
    </ul>
  );
}

function FieldNode({ name, value, note, children }: TreeNode) {
  const label = (
    <>
      <span class="json-name">{name}</span>
      {value !== undefined && <span class="json-string"> {value}</span>}
      {note !== undefined && <span class="soft"> {note}</span>}
    </>
  );
  if (children === undefined || children.length === 0) return <li class="json-leaf">{label}</li>;
  return (
    <li>
      <details open>
        <summary>{label}</summary>
        <ul class="json-below">
          {children.map((child, at) => (
            <FieldNode key={`${at} ${child.name}`} {...child} />
          ))}
        </ul>
      </details>
    </li>
  );
}
