// Owns which tabs an exchange has: those that would be empty are not there. The one that was looked at last is shown, of the next exchange too.
import type { VNode } from 'preact';
import type { RecordedExchange } from '../../../flows/recorded.ts';
import { preference } from '../preferences.ts';
import { ChangesTab } from './changes-tab.tsx';
import { MessageTab } from './message-tab.tsx';
import { MessagesTab } from './messages-tab.tsx';
import { TimingTab } from './timing-tab.tsx';
import { TlsTab } from './tls-tab.tsx';
import { WhyTab } from './why-tab.tsx';

export interface TabContent {
  readonly exchange: RecordedExchange;
  /** Whether secrets are shown. */
  readonly isRevealed: boolean;
  readonly reveal: () => void;
}

export interface Tab {
  readonly name: string;
  readonly title: string;
  /** How many there are of what it shows. */
  readonly count: number | null;
  readonly draw: (content: TabContent) => VNode;
}

export const lastTab = preference<string>('tab', 'response', (value) => typeof value === 'string');

export function tabsOf({ summary, facts }: RecordedExchange): readonly Tab[] {
  const isStream = summary.messages > 0 || summary.kind === 'websocket';
  return [
    { name: 'request', title: 'Request', count: null, draw: (content) => <MessageTab side="request" {...content} /> },
    ...(summary.kind === 'tunnel'
      ? []
      : [{ name: 'response', title: 'Response', count: null, draw: (content: TabContent) => <MessageTab side="response" {...content} /> }]),
    ...(isStream
      ? [
          {
            name: 'messages',
            title: 'Messages',
            count: summary.messages,
            draw: ({ exchange }: TabContent) => <MessagesTab {...exchange.summary} />,
          },
        ]
      : []),
    { name: 'why', title: 'Why', count: null, draw: ({ exchange }) => <WhyTab {...exchange.summary} /> },
    { name: 'timing', title: 'Timing', count: null, draw: ({ exchange }) => <TimingTab exchange={exchange} /> },
    ...(facts.hello !== null || facts.originTls !== null
      ? [{ name: 'tls', title: 'TLS', count: null, draw: ({ exchange }: TabContent) => <TlsTab exchange={exchange} /> }]
      : []),
    ...(facts.changes.length > 0
      ? [
          {
            name: 'changes',
            title: 'Changes',
            count: facts.changes.length,
            draw: ({ exchange }: TabContent) => <ChangesTab {...exchange.facts} />,
          },
        ]
      : []),
  ];
}

/** @param asked  by the address; `null` for none */
export function shownTab(tabs: readonly Tab[], asked: string | null): Tab {
  return tabs.find(({ name }) => name === asked) ?? tabs.find(({ name }) => name === lastTab.value) ?? tabs[0]!;
}
