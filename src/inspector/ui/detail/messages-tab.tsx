// Owns the messages of a WebSocket or an event stream, as they come: the newest at the end, which is followed until somebody scrolls up, earlier ones on
// demand, and the whole of one on a click. What became of one at a breakpoint is told where it stands.
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import type { RecordedMessage, Summary } from '../../../flows/recorded.ts';
import { sizeText } from '../../../match/units.ts';
import { getJson, problemText } from '../api.ts';
import { listen } from '../live.ts';
import type { Messages } from '../wire.ts';
import { clockText, counted, octetsOf } from '../words.ts';
import { hexText } from './hex-view.tsx';
import { JsonTree, parseJson } from './json-tree.tsx';

export function MessagesTab({ id, messages, state }: Summary) {
  const shown = useSignal<readonly RecordedMessage[]>([]);
  const total = useSignal(messages);
  const from = useSignal(Math.max(0, messages - PAGE));
  const chosen = useSignal<number | null>(null);
  const problem = useSignal<string | null>(null);
  const end = useRef<HTMLDivElement>(null);
  // Whoever has scrolled up is reading, and so is whoever looks at what has ended.
  const isFollowing = useRef(state === 'pending');
  const showNewest = () => {
    isFollowing.current = true;
    from.value = Math.max(0, total.value - PAGE);
  };
  useEffect(
    () =>
      listen((message) => {
        if (message.type !== 'messages' || message.id !== id) return;
        total.value = message.total;
        if (isFollowing.current && message.total > from.value + MOST_SHOWN) showNewest();
      }),
    [id],
  );
  useEffect(() => {
    const after = from.value;
    getJson<Messages>(`/api/exchanges/${id}/messages?after=${after}&limit=${MOST_SHOWN}`).then(
      (came) => {
        // Others have been asked for since.
        if (after !== from.value) return;
        shown.value = came.messages;
        total.value = Math.max(total.value, came.total);
        problem.value = null;
      },
      (error: unknown) => {
        problem.value = problemText(error);
      },
    );
  }, [id, from.value, total.value]);
  useEffect(() => {
    const box = end.current?.closest('.detail-body');
    let before = 0;
    const look = () => {
      const { scrollTop, scrollHeight, clientHeight } = box!;
      if (scrollHeight - scrollTop - clientHeight < NEAR_END) isFollowing.current = true;
      // Upwards only people scroll: what comes in pushes the end away.
      else if (scrollTop < before) isFollowing.current = false;
      before = scrollTop;
    };
    box?.addEventListener('scroll', look, { passive: true });
    return () => box?.removeEventListener('scroll', look);
  }, []);
  const last = shown.value.at(-1)?.number ?? 0;
  useLayoutEffect(() => {
    const box = end.current?.closest('.detail-body');
    if (box != null && isFollowing.current) box.scrollTop = box.scrollHeight;
  }, [last]);
  const newer = last === 0 ? 0 : Math.max(0, total.value - from.value - MOST_SHOWN);
  const fates = new Map(shown.value.flatMap((message) => (message.fate === undefined ? [] : [[message.fate.of, message]])));
  const first = shown.value[0]?.number ?? 0;
  return (
    <div class="messages">
      {problem.value !== null && <p class="problem">{problem.value}</p>}
      {from.value > 0 && (
        <button type="button" class="link" onClick={() => (from.value = Math.max(0, from.value - PAGE))}>
          {counted(from.value, 'earlier message')}
        </button>
      )}
      <ol>
        {shown.value.map((message) => (
          <Message
            key={message.number}
            message={message}
            fate={fates.get(message.number) ?? null}
            isToldBefore={message.fate !== undefined && message.fate.of >= first}
            isOpen={chosen.value === message.number}
            toggle={() => (chosen.value = chosen.value === message.number ? null : message.number)}
          />
        ))}
      </ol>
      {newer > 0 && (
        <button type="button" class="link" onClick={showNewest}>
          {counted(newer, 'newer message')}
        </button>
      )}
      <div ref={end} />
    </div>
  );
}

interface MessageProps {
  readonly message: RecordedMessage;
  /** What became of it. */
  readonly fate: RecordedMessage | null;
  /** It tells of one above. */
  readonly isToldBefore: boolean;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function Message({ message, fate, isToldBefore, isOpen, toggle }: MessageProps) {
  if (isToldBefore) return null;
  const gone = fate ?? message;
  const { direction, kind, atMs, length, problem, closeCode } = gone;
  const octets = octetsOf(gone.preview);
  const text = textOf(gone, octets);
  const isOut = direction === 'from-client';
  const how = gone.fate?.how ?? null;
  return (
    <li class={`stream-message ${isOut ? 'is-out' : ''}`}>
      <button type="button" class="stream-line" aria-expanded={isOpen} onClick={toggle}>
        <span class={isOut ? 'tone-websocket' : 'tone-hit'} title={isOut ? 'From the client' : 'To the client'}>
          {isOut ? '↑' : '↓'}
          <span class="unseen">{isOut ? 'From the client' : 'To the client'}</span>
        </span>
        <span class="stream-text mono">
          {how !== null && <span class={`tag ${how === 'edited' ? 'tone-websocket' : 'tone-denied'}`}>{how}</span>}
          {kind !== 'text' && kind !== 'sse' && <span class="tag tone-plain">{closeCode === null ? kind : `${kind} ${closeCode}`}</span>}{' '}
          {how === 'dropped' ? <del>{text ?? hexStart(octets)}</del> : (text ?? hexStart(octets))}
        </span>
        <span class="soft number">{sizeText(length)}</span>
        <span class="soft number">{clockText(atMs)}</span>
      </button>
      {problem !== null && <p class="problem">{problem}</p>}
      {fate?.fate?.how === 'edited' && <Came message={message} isOpen={isOpen} />}
      {isOpen && <Whole octets={octets} text={text} />}
    </li>
  );
}

/** What stood there before somebody edited it. */
function Came({ message, isOpen }: { readonly message: RecordedMessage; readonly isOpen: boolean }) {
  const octets = octetsOf(message.preview);
  const text = textOf(message, octets);
  return (
    <>
      <p class="stream-came soft">
        It came as <span class="mono">{text ?? hexStart(octets)}</span>
      </p>
      {isOpen && <Whole octets={octets} text={text} />}
      {isOpen && <p class="stream-came soft">It went on as</p>}
    </>
  );
}

function textOf({ kind }: RecordedMessage, octets: Uint8Array): string | null {
  return kind === 'binary' ? null : DECODER.decode(octets);
}

function Whole({ octets, text }: { readonly octets: Uint8Array; readonly text: string | null }) {
  const json = text === null ? undefined : parseJson(text);
  if (typeof json === 'object' && json !== null) return <JsonTree value={json} />;
  return <pre class="stream-whole">{text ?? hexText(octets)}</pre>;
}

/** What fits into a line. */
function hexStart(octets: Uint8Array): string {
  const numbers = Array.from(octets.subarray(0, 16), (octet) => octet.toString(16).padStart(2, '0'));
  return `${numbers.join(' ')}${octets.length > 16 ? ' …' : ''}`;
}

const PAGE = 200;
/** Elements that a page has to hold; who wants more exports them. */
const MOST_SHOWN = 500;
/** Pixels; what has just come is below them. */
const NEAR_END = 200;
const DECODER = new TextDecoder();
