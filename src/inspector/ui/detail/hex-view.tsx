// Owns octets as numbers and letters, sixteen a line, in the way of `hexdump -C`.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { sizeText } from '../../../match/units.ts';
import { getOctets, problemText } from '../api.ts';
import { TextView } from './text-view.tsx';

export function HexView({ path }: { readonly path: string }) {
  const octets = useSignal<Uint8Array | null>(null);
  const problem = useSignal<string | null>(null);
  useEffect(() => {
    const controller = new AbortController();
    getOctets(path, controller.signal).then(
      (came) => {
        octets.value = came;
      },
      (error: unknown) => {
        if (!controller.signal.aborted) problem.value = problemText(error);
      },
    );
    return () => controller.abort();
  }, [path]);
  const text = useMemo(() => hexText((octets.value ?? new Uint8Array()).subarray(0, MOST_OCTETS)), [octets.value]);
  if (problem.value !== null) return <p class="problem">{problem.value}</p>;
  if (octets.value === null) return <p class="soft">Loading …</p>;
  return (
    <div class="hex">
      {octets.value.length > MOST_OCTETS && <p class="soft">The first {sizeText(MOST_OCTETS)}. Save it to see the rest.</p>}
      <TextView text={text} isNumbered={false} />
    </div>
  );
}

export function hexText(octets: Uint8Array): string {
  const lines: string[] = [];
  const places = octets.length > 0xffffff ? 8 : 6;
  for (let at = 0; at < octets.length; at += 16) {
    const line = octets.subarray(at, at + 16);
    const numbers = Array.from(line, (octet) => octet.toString(16).padStart(2, '0'));
    const left = numbers.slice(0, 8).join(' ').padEnd(23);
    const letters = Array.from(line, (octet) => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '·')).join('');
    lines.push(`${at.toString(16).padStart(places, '0')}  ${left}  ${numbers.slice(8).join(' ').padEnd(23)}  ${letters}`);
  }
  return lines.join('\n');
}

const MOST_OCTETS = 262_144;
