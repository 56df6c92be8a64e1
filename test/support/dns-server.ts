// Owns a DNS server for tests: A and AAAA over UDP and TCP on one loopback port (RFC 1035 §4), answering what the test wrote down.
// No zones, no CNAME, no EDNS; a question it has no reply for gets NOERROR when its name has another type's reply, else NXDOMAIN.

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { parseIpAddress } from '../../src/net/ip-address.ts';

/** A promise holds the reply back until the test settles it. Answers that do not fit in 512 octets are truncated over UDP. */
export type DnsReply = Records | keyof typeof RCODES | 'silence';

export interface Records {
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

export interface DnsServer {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Every question so far, in order of arrival: `udp A shop.example`. */
  readonly questions: readonly string[];
  answer(type: 'A' | 'AAAA', name: string, reply: DnsReply | Promise<DnsReply>): void;
  close(): Promise<void>;
}

export async function startDnsServer(): Promise<DnsServer> {
  const { udp, tcp } = await bindBoth();
  const replies = new Map<string, DnsReply | Promise<DnsReply>>();
  const questions: string[] = [];
  const connections = new Set<Socket>();

  const respond = async (transport: 'udp' | 'tcp', query: Buffer, send: (message: Buffer) => void): Promise<void> => {
    const { type, name, end } = readQuestion(query);
    questions.push(`${transport} ${type} ${name}`);
    const isKnown = replies.has(`A ${name}`) || replies.has(`AAAA ${name}`);
    const reply = await (replies.get(`${type} ${name}`) ?? (isKnown ? 'NOERROR' : 'NXDOMAIN'));
    if (reply !== 'silence') send(writeResponse(query.subarray(0, end), reply, transport === 'udp' ? 512 : 65_535));
  };

  udp.on('message', (query, peer) => void respond('udp', query, (message) => udp.send(message, peer.port, peer.address)));
  tcp.on('connection', (socket) => {
    connections.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.delete(socket));
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      for (let next = framed(received); next !== null; next = framed(received)) {
        received = received.subarray(next.length + 2);
        void respond('tcp', next, (message) => socket.write(Buffer.concat([uint16(message.length), message])));
      }
    });
  });

  return {
    address: `127.0.0.1:${udp.address().port}`,
    questions,
    answer: (type, name, reply) => void replies.set(`${type} ${name}`, reply),
    async close() {
      udp.close();
      tcp.close();
      for (const socket of connections) socket.destroy();
      await once(tcp, 'close');
    },
  };
}

/** One port number for both transports: the system chooses for UDP, and chooses again while TCP has it in use. */
async function bindBoth(): Promise<{ udp: UdpSocket; tcp: Server }> {
  for (;;) {
    const udp = createSocket('udp4').bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const tcp = createServer().listen((udp.address() as AddressInfo).port, '127.0.0.1');
    try {
      await once(tcp, 'listening');
      return { udp, tcp };
    } catch {
      udp.close();
    }
  }
}

/** The first whole message of a TCP stream (RFC 1035 §4.2.2); null while it is incomplete. */
function framed(bytes: Buffer): Buffer | null {
  if (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) return null;
  return bytes.subarray(2, bytes.readUInt16BE(0) + 2);
}

function readQuestion(query: Buffer): { type: string; name: string; end: number } {
  const labels: string[] = [];
  let offset = HEADER_OCTETS;
  for (let length = query[offset]!; length > 0; length = query[offset]!) {
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length));
    offset += length + 1;
  }
  const type = query.readUInt16BE(offset + 1) === TYPE_AAAA ? 'AAAA' : 'A';
  return { type, name: labels.join('.').toLowerCase(), end: offset + 5 };
}

/** @param question  the query's header and question section */
function writeResponse(question: Buffer, reply: Exclude<DnsReply, 'silence'>, maxOctets: number): Buffer {
  const records = typeof reply === 'string' ? [] : reply.addresses.map((address) => writeRecord(address, reply.ttlSeconds));
  const isTruncated = question.length + records.reduce((octets, record) => octets + record.length, 0) > maxOctets;
  const header = Buffer.from(question);
  header[2] = 0x81 | (isTruncated ? 0x02 : 0); // QR and RD, perhaps TC
  header[3] = 0x80 | (typeof reply === 'string' ? RCODES[reply] : RCODES.NOERROR); // RA
  header.writeUInt16BE(isTruncated ? 0 : records.length, 6);
  header.writeUInt32BE(0, 8); // neither authority nor additional records
  return isTruncated ? header : Buffer.concat([header, ...records]);
}

function writeRecord(address: string, ttlSeconds: number): Buffer {
  const { version, bytes } = parseIpAddress(address)!;
  const ttl = Buffer.alloc(4);
  ttl.writeUInt32BE(ttlSeconds);
  return Buffer.concat([
    POINTER_TO_QUESTION,
    uint16(version === 6 ? TYPE_AAAA : TYPE_A),
    uint16(CLASS_IN),
    ttl,
    uint16(bytes.length),
    bytes,
  ]);
}

function uint16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const HEADER_OCTETS = 12;
const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_IN = 1;
const POINTER_TO_QUESTION = Buffer.of(0xc0, HEADER_OCTETS);
