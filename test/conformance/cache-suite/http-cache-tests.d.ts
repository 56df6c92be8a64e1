// What this folder uses of the public suite, which comes without types.

declare module 'http-cache-tests/tests/index.mjs' {
  export interface SuiteTest {
    readonly id: string;
    readonly name: string;
    /** Required when absent. */
    readonly kind?: 'required' | 'optimal' | 'check';
    /** Tests that have to pass before this one says anything. */
    readonly depends_on?: readonly string[];
    readonly browser_only?: boolean;
    /** Prints the requests and responses of this test on the console, as the client and as the origin saw them. */
    dump?: boolean;
  }
  export interface Suite {
    readonly id: string;
    readonly name: string;
    readonly tests: readonly SuiteTest[];
  }
  const suites: readonly Suite[];
  export default suites;
}

declare module 'http-cache-tests/client/runner.mjs' {
  import type { Suite } from 'http-cache-tests/tests/index.mjs';
  export interface SuiteRequest {
    readonly method?: string;
    readonly headers?: readonly (readonly [string, string])[];
    readonly body?: string;
  }
  export interface SuiteResponse {
    readonly status: number;
    readonly statusText: string;
    readonly headers: Headers;
    text(): Promise<string>;
  }
  /** `true`, or the name of the error (`Setup`, `Assertion`, or one that nobody expected) and its message. */
  export type SuiteResult = true | readonly [name: string, message: string];
  export function runTests(
    suites: readonly Suite[],
    fetch: (url: string, init?: SuiteRequest) => Promise<SuiteResponse>,
    useBrowserCache: boolean,
    baseUrl: string,
  ): Promise<void>;
  export function getResults(): Readonly<Record<string, SuiteResult>>;
}

declare module 'http-cache-tests/server/handle-*.mjs' {
  import type { IncomingMessage, ServerResponse } from 'node:http';
  export default function handle(path: readonly string[], request: IncomingMessage, response: ServerResponse): void;
}
