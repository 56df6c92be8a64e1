// Owns octets as octets: the classic dump, sixteen a line with their place and the ASCII among them.

/** @param maxOctets  how many are shown */
export function hexDump(octets: Uint8Array, maxOctets = 64 * 1024): string {
  const lines: string[] = [];
  const end = Math.min(octets.length, maxOctets);
  for (let at = 0; at < end; at += 16) {
    const line = octets.subarray(at, Math.min(at + 16, end));
    const codes = Array.from(line, (octet) => octet.toString(16).padStart(2, '0'));
    const halves = `${codes.slice(0, 8).join(' ').padEnd(23)}  ${codes.slice(8).join(' ').padEnd(23)}`;
    const ascii = Array.from(line, (octet) => (octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${halves}  ${ascii}`);
  }
  return lines.join('\n');
}
