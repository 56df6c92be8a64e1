// Owns the tree on the side of the list: sites, their hosts, and how much went to each. Choosing one narrows the list; choosing it again widens it.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { countText } from '../words.ts';
import { chosenHost, effectiveText } from './filter-text.ts';
import { type HostNode, hosts, treeOf, watchHosts } from './hosts.ts';

const opened = signal<ReadonlySet<string>>(new Set());

export function HostTree() {
  const filter = effectiveText.value;
  useEffect(() => watchHosts(filter), [filter]);
  const nodes = treeOf(hosts.value);
  const total = nodes.reduce((sum, { exchanges }) => sum + exchanges, 0);
  return (
    <nav class="host-tree" aria-label="Hosts">
      <ul>
        <li>
          <HostButton label="All hosts" host={null} exchanges={total} denied={0} failed={0} />
        </li>
        {nodes.slice(0, MOST_SITES).map((node) => (
          <Site key={node.name} {...node} />
        ))}
        {nodes.length > MOST_SITES && <li class="soft host-rest">{countText(nodes.length - MOST_SITES)} more: filter by host:</li>}
      </ul>
    </nav>
  );
}

function Site({ name, exchanges, denied, failed, hosts: below }: HostNode) {
  const only = below.length === 1 ? below[0]! : null;
  const isOpen = opened.value.has(name) || below.some(({ host }) => host === chosenHost.value && host !== name);
  return (
    <li>
      <div class="host-line">
        {only === null ? (
          <button type="button" class="host-fold" aria-expanded={isOpen} aria-label={`Hosts of ${name}`} onClick={() => toggle(name)}>
            <Icon name={isOpen ? 'down' : 'right'} size={12} />
          </button>
        ) : (
          <span class="host-fold" />
        )}
        <HostButton label={only?.host ?? name} host={only?.host ?? name} {...{ exchanges, denied, failed }} />
      </div>
      {isOpen && only === null && (
        <ul class="host-below">
          {below.map((row) => (
            <li key={row.host}>
              <HostButton label={row.host === name ? row.host : row.host.slice(0, -name.length - 1)} {...row} />
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

interface HostButtonProps {
  readonly label: string;
  readonly host: string | null;
  readonly exchanges: number;
  readonly denied: number;
  readonly failed: number;
}

function HostButton({ label, host, exchanges, denied, failed }: HostButtonProps) {
  const isChosen = chosenHost.value === host;
  const choose = () => {
    chosenHost.value = isChosen ? null : host;
  };
  return (
    <button type="button" class="host" aria-pressed={isChosen} title={host ?? label} onClick={choose}>
      <span class="host-name">{label === '' ? 'no host' : label}</span>
      {denied > 0 && (
        <span class="host-dot tone-denied" title={`${countText(denied)} denied`}>
          ●<span class="unseen"> {denied} denied</span>
        </span>
      )}
      {failed > 0 && denied === 0 && (
        <span class="host-dot tone-failed" title={`${countText(failed)} failed`}>
          ●<span class="unseen"> {failed} failed</span>
        </span>
      )}
      <span class="soft number">{countText(exchanges)}</span>
    </button>
  );
}

function toggle(name: string): void {
  const names = new Set(opened.value);
  if (!names.delete(name)) names.add(name);
  opened.value = names;
}

const MOST_SITES = 200;
