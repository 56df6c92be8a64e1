// Runs the public suite through a proxy and says how it went: node test/conformance/cache-suite/run.ts [options]
//
//   --proxy HOST:PORT  a proxy that is running already, ours or another; without it one of ours is started
//   --targeted         ours is started with the targeted field CDN-Cache-Control (RFC 9213) switched on
//   --id TEST_ID       that test alone, with its requests and responses as client and origin saw them
//   --json             the outcome of every test instead of the table
//
// One run a process: the suite keeps its results in its modules.
import { parseArgs } from 'node:util';
import { getResults, runTests } from 'http-cache-tests/client/runner.mjs';
import allSuites, { type Suite } from 'http-cache-tests/tests/index.mjs';
import type { TestProxy } from '../../support/start-proxy.ts';
import { fetchThrough, type ProxyAddress } from './fetch-through-proxy.ts';
import { missesOf, outcomesOf, summaryOf, tableOf } from './outcomes.ts';
import { startSuiteOrigin } from './suite-origin.ts';

const { values } = parseArgs({
  options: { proxy: { type: 'string' }, targeted: { type: 'boolean' }, id: { type: 'string' }, json: { type: 'boolean' } },
});
if (values.proxy !== undefined && values.targeted) refuse('--targeted is a setting of the proxy that is started here; leave out --proxy');

const suites = values.id === undefined ? allSuites : onlyTest(values.id);
const origin = await startSuiteOrigin();
const ours = values.proxy === undefined ? await startOurs(values.targeted ?? false) : null;
const proxy = ours ? { host: '127.0.0.1', port: ours.port } : addressOf(values.proxy!);
// The suite speaks on the console, of a state that it asks for and that no request has made, for one; standard output is for the outcome.
console.log = console.error;
await runTests(suites, fetchThrough(proxy), false, origin.url);
const outcomes = outcomesOf(suites, getResults());
await ours?.close();
origin.close();

if (values.json) process.stdout.write(`${JSON.stringify(outcomes)}\n`);
else if (values.id !== undefined)
  process.stdout.write(`${outcomes.map(({ id, verdict, reason }) => `${id}: ${verdict} ${reason}`).join('\n')}\n`);
else {
  const misses = missesOf(outcomes).map(({ id, kind, verdict, reason }) => `${kind}  ${id}  ${verdict}: ${reason}`);
  process.stdout.write(`${[tableOf(outcomes), summaryOf(outcomes), ...misses].join('\n')}\n`);
}

/** Its preparation tests are left out too, so its outcome alone counts. */
function onlyTest(id: string): Suite[] {
  const suite = allSuites.find(({ tests }) => tests.some((test) => test.id === id));
  const test = suite?.tests.find((each) => each.id === id);
  if (!suite || !test) refuse(`the suite has no test ${id}`);
  test.dump = true;
  const { depends_on, ...alone } = test;
  return [{ ...suite, tests: [alone] }];
}

/** Loads the proxy only when it is wanted: others can be measured while ours does not compile. */
async function startOurs(isTargeted: boolean): Promise<TestProxy> {
  const [{ startTestProxy }, { withTargeted }] = await Promise.all([import('../../support/start-proxy.ts'), import('./targeted.ts')]);
  return startTestProxy(withTargeted(isTargeted ? ['CDN-Cache-Control'] : []));
}

function addressOf(text: string): ProxyAddress {
  if (!URL.canParse(`http://${text}`)) refuse(`--proxy wants HOST:PORT, such as 127.0.0.1:3128; found ${JSON.stringify(text)}`);
  const { hostname, port } = new URL(`http://${text}`);
  return { host: hostname, port: Number(port || 80) };
}

function refuse(problem: string): never {
  process.stderr.write(`${problem}\n`);
  process.exit(64);
}
