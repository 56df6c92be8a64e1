// Owns what a sample of a profile counts as: who was at work when it was taken. A frame of JavaScript answers for what V8 and the kernel do on its behalf,
// but for what is told apart here: system calls, cryptography, and the collector.

/** One sample: the thread's name, and its frames, the innermost first. */
export interface Sample {
  readonly thread: string;
  readonly frames: readonly string[];
}

/** What `perf script -F comm,ip,sym` prints: for each sample a line with the thread, a line for each frame, and an empty one. */
export function parseSamples(text: string): Sample[] {
  return text
    .split('\n\n')
    .map((block) => block.split('\n').filter((line) => line.trim() !== ''))
    .filter((lines) => lines.length > 1)
    .map(([thread, ...frames]) => ({ thread: thread!.trim(), frames: frames.map((frame) => frame.trim().replace(/^[0-9a-f]+ /, '')) }));
}

/** Whose work it was: `ours: FOLDER` for the folders of src. */
export function ownerOf({ thread, frames }: Sample): string {
  if (!thread.startsWith('node-MainTh') && thread !== 'node')
    return THREADS.find(([name]) => thread.startsWith(name))?.[1] ?? `thread ${thread}`;
  const call = systemCallOf(frames);
  if (call !== null) return call;
  if (frames.some((frame) => COLLECTOR.test(frame))) return 'garbage collection';
  const script = frames.find((frame) => SCRIPT.test(frame));
  const until = script === undefined ? frames : frames.slice(0, frames.indexOf(script));
  if (until.some((frame) => CRYPTOGRAPHY.test(frame))) return 'TLS (OpenSSL)';
  if (script === undefined) return 'Node: event loop and native code';
  const folder = /\/src\/([a-z0-9-]+)/.exec(script)?.[1];
  if (folder !== undefined) return `ours: ${folder}`;
  return script.includes('node_modules') ? 'packages' : 'Node: streams, timers, buffers';
}

/** Largest first, with their part of all. */
export function sharesOf(samples: readonly Sample[]): readonly { readonly owner: string; readonly share: number }[] {
  const counts = new Map<string, number>();
  for (const sample of samples) {
    const owner = ownerOf(sample);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return [...counts].map(([owner, count]) => ({ owner, share: count / samples.length })).sort((a, b) => b.share - a.share);
}

function systemCallOf(frames: readonly string[]): string | null {
  if (!frames.some((frame) => KERNEL.test(frame))) return null;
  const call = frames.find((frame) => CALL.test(frame));
  return `kernel: ${call === undefined ? 'interrupts' : CALL.exec(call)![1]}`;
}

const THREADS: readonly (readonly [name: string, owner: string])[] = [
  ['node-V8Worker', "V8's threads: garbage, compiling"],
  ['libuv-worker', "libuv's threads: files"],
  ['WorkerThread', 'recording: its own thread'],
];
const KERNEL = /^(?:do_syscall_64|entry_SYSCALL_64|__x64_sys_|asm_|el0_svc|__arm64_sys_)/;
const CALL = /^(?:__x64_sys_|__arm64_sys_|ksys_)(\w+)/;
const COLLECTOR = /Scaveng|::Heap::|MarkCompact|GarbageCollect|Sweeper/;
const SCRIPT = /^(?:JS|RegExp|LazyCompile|Function|Script):/;
const CRYPTOGRAPHY = /^(?:SSL_|ssl3?_|ssl_|tls_|tls13_|tls1_|EVP_|BIO_|ossl_|aes|gcm_|OPENSSL_|CRYPTO_|ERR_)|crypto::(?:TLSWrap|NodeBIO)/;
