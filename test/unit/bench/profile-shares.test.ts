import { expect, it } from 'vitest';
import { ownerOf, parseSamples, sharesOf } from '../../bench/profile-shares.ts';

const SCRIPT = `node-MainThread 
	    7fc0cb092693 JS:*'parseFieldLines file:///opt/proxy/src/http1/syntax.ts:57:32
	    7fc0cb1fe4f9 JS:*'onStreamRead node:internal/stream_base_commons:171:22
	         161bf6c uv__stream_io

node-MainThread 
	ffffffff81a00000 tcp_sendmsg_locked
	ffffffff81a00001 ksys_write
	ffffffff81a00002 do_syscall_64
	    7fc0cb1fe4f9 JS:*'writeGeneric node:internal/stream_base_commons:93:22

node-V8Worker 
	          163680 v8::internal::Scavenger::Process

`;

it('reads what perf script prints, a sample a block', () => {
  const samples = parseSamples(SCRIPT);
  expect(samples.map(({ thread, frames }) => [thread, frames.length])).toEqual([
    ['node-MainThread', 3],
    ['node-MainThread', 4],
    ['node-V8Worker', 1],
  ]);
  expect(sharesOf(samples)).toEqual([
    { owner: 'ours: http1', share: 1 / 3 },
    { owner: 'kernel: write', share: 1 / 3 },
    { owner: "V8's threads: garbage, compiling", share: 1 / 3 },
  ]);
});

it.each([
  [['memmove', 'Builtins_StringAdd_CheckNone', "JS:*'deliver file:///opt/proxy/src/exchange/deliver.ts:22:24"], 'ours: exchange'],
  [['ossl_aes_gcm_encrypt', 'SSL_write_ex', "JS:*'writeGeneric node:internal/stream_base_commons:93:22"], 'TLS (OpenSSL)'],
  [['v8::internal::Heap::Scavenge', "JS:*'next file:///opt/proxy/src/http1/reader.ts:129:7"], 'garbage collection'],
  [["JS:*'onStreamRead node:internal/stream_base_commons:171:22"], 'Node: streams, timers, buffers'],
  [["JS:*'W file:///opt/proxy/node_modules/lru-cache/dist/esm/index.js:1:9041"], 'packages'],
  [['uv__io_poll', 'uv_run'], 'Node: event loop and native code'],
  [['finish_task_switch', 'asm_sysvec_apic_timer_interrupt'], 'kernel: interrupts'],
])('puts %j down to %s', (frames, owner) => {
  expect(ownerOf({ thread: 'node-MainThread', frames })).toBe(owner);
});
