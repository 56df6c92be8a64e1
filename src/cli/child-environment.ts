// Owns which variables a command is started with, so that what it runs asks our proxy and believes our certificates; and why each of them.
// What the person has set is kept where it can be: roots of their own go into the files that replace them, options of Java stay before ours. What
// would lead past the proxy is not: NO_PROXY names nothing unless they ask for it, so that loopback is judged like every other place. A parent proxy
// that was set is not lost: ours sends through it (`inheritedRoute`), and reaches directly what the old NO_PROXY said.
//
// This is help for programs that want to be helped. A program that ignores these variables goes its own way; only a network that has no other way out
// stops one.
import type { Environment } from '../config/load.ts';
import type { RouteOptions } from '../upstream/options.ts';
import { noProxyFromEnvironment, parseParentUrl } from '../upstream/route.ts';

export interface OwnProxy {
  readonly host: string;
  readonly port: number;
  /** What is reached without it, as NO_PROXY has it; empty for nothing. */
  readonly direct: string;
}

/** Files that make programs believe our certificates. Each is made when it is asked for; `existing` is what the same variable named before. */
export interface TrustFiles {
  /** Every root that the program shall know: those of `existing`, or else the system's; and ours. */
  allRoots(existing: string | null): string;
  /** For a program that adds them to its own: those of `existing`, and ours. */
  addedRoots(existing: string | null): string;
  /** The start-up file of wget: `existing`, and where the roots are. */
  wgetStartFile(existing: string | null): string;
  /** A key store of Java with the system's roots and ours. */
  javaTrustStore(): { readonly file: string; readonly type: string; readonly password: string };
}

/** @param trust  `null` where no TLS is opened, so that there is no certificate of ours to believe @returns what is added to the inherited environment */
export function childEnvironment(inherited: Environment, proxy: OwnProxy, trust: TrustFiles | null): Readonly<Record<string, string>> {
  return {
    ...proxyVariables(proxy),
    ...(trust !== null && trustVariables(inherited, trust)),
    JAVA_TOOL_OPTIONS: javaOptions(inherited['JAVA_TOOL_OPTIONS'], proxy, trust),
  };
}

/** How to leave the machine as the variables said before, for the proxy that takes their place. @throws ProxyError where they name none that we can use */
export function inheritedRoute(inherited: Environment): RouteOptions | null {
  const url = inherited['https_proxy'] || inherited['HTTPS_PROXY'] || inherited['http_proxy'] || inherited['HTTP_PROXY'];
  if (!url) return null;
  const direct = inherited['no_proxy'] || inherited['NO_PROXY'] || '';
  return direct.trim() === '*' ? null : { parents: [parseParentUrl(url)], noProxy: noProxyFromEnvironment(direct) };
}

/** Whether Java was told of a trust store: two cannot be told of, and theirs may hold what no other file does. */
export function hasOwnJavaTrustStore(inherited: Environment): boolean {
  return /-Djavax\.net\.ssl\.trustStore=/.test(inherited['JAVA_TOOL_OPTIONS'] ?? '');
}

function proxyVariables({ host, port, direct }: OwnProxy): Readonly<Record<string, string>> {
  const url = `http://${host}:${port}`;
  return {
    // curl and wget know http_proxy in small letters only (a CGI program's HTTP_PROXY is what a client says); others know capitals only.
    http_proxy: url,
    HTTP_PROXY: url,
    https_proxy: url,
    HTTPS_PROXY: url,
    // Every other scheme: curl's ftp, WebSocket in libraries that ask for it by name.
    all_proxy: url,
    ALL_PROXY: url,
    no_proxy: direct,
    NO_PROXY: direct,
    // Node 24, 22.21 and later: fetch, http and https ask the variables above, which they otherwise do not.
    NODE_USE_ENV_PROXY: '1',
    // These win over a proxy in the program's own configuration file, which would lead past ours.
    npm_config_proxy: url,
    npm_config_https_proxy: url,
    npm_config_noproxy: direct,
    PIP_PROXY: url,
    CARGO_HTTP_PROXY: url,
    // Yarn from version 2 on asks for these alone.
    YARN_HTTP_PROXY: url,
    YARN_HTTPS_PROXY: url,
  };
}

function trustVariables(inherited: Environment, trust: TrustFiles): Record<string, string> {
  const existing = (name: string): string | null => inherited[name] || null;
  return {
    ...Object.fromEntries(REPLACING_ROOTS.map((name) => [name, trust.allRoots(existing(name))])),
    ...Object.fromEntries(ADDING_ROOTS.map((name) => [name, trust.addedRoots(existing(name))])),
    WGETRC: trust.wgetStartFile(existing('WGETRC')),
  };
}

/** Each names a file whose roots are all that the program knows then, so that the system's have to be in it. */
const REPLACING_ROOTS = [
  // OpenSSL and what is built on it: Python's ssl, Ruby, PHP, Perl, .NET on Linux, wget where it is built so; Go on Linux and the BSDs as well.
  // SSL_CERT_DIR stays as it is: a folder of roots besides.
  'SSL_CERT_FILE',
  // OpenSSL of Nix, which asks for this before the one above.
  'NIX_SSL_CERT_FILE',
  // The requests library of Python, which brings roots of its own.
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'PIP_CERT',
  // The AWS command and its SDKs; boto3.
  'AWS_CA_BUNDLE',
  'CARGO_HTTP_CAINFO',
  // npm asks NODE_EXTRA_CA_CERTS too, but not when .npmrc names a `cafile`; this wins over it.
  'npm_config_cafile',
  // gRPC in C and all that wraps it: Python, Ruby, PHP, C#.
  'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
  // The gcloud command; httplib2 of Python.
  'CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE',
  'HTTPLIB2_CA_CERTS',
] as const;

/** Each names a file whose roots come to those that the program brings or takes from the system. */
const ADDING_ROOTS = [
  // Node, Electron and Bun. NODE_USE_SYSTEM_CA stays as it is: whether the system's roots count besides is for them to say.
  'NODE_EXTRA_CA_CERTS',
  // DENO_TLS_CA_STORE stays as it is for the same reason.
  'DENO_CERT',
] as const;

/** Java knows no variable but this one, in which every virtual machine looks for options; it says so on standard error, "Picked up ...". */
function javaOptions(existing: string | undefined, { host, port, direct }: OwnProxy, trust: TrustFiles | null): string {
  const options = [
    ...['http', 'https'].flatMap((scheme) => [`-D${scheme}.proxyHost=${host}`, `-D${scheme}.proxyPort=${port}`]),
    // Given and empty: else loopback goes past the proxy.
    `-Dhttp.nonProxyHosts=${direct
      .split(/[\s,]+/)
      .filter(Boolean)
      .map(javaPattern)
      .join('|')}`,
  ];
  if (trust !== null && !hasOwnJavaTrustStore({ JAVA_TOOL_OPTIONS: existing })) {
    const { file, type, password } = trust.javaTrustStore();
    options.push(`-Djavax.net.ssl.trustStore=${file}`, `-Djavax.net.ssl.trustStoreType=${type}`);
    options.push(`-Djavax.net.ssl.trustStorePassword=${password}`);
  }
  return [...(existing ? [existing] : []), ...options.map(quotedWhereNeeded)].join(' ');
}

/** `.example.com` is `*.example.com` there. */
function javaPattern(place: string): string {
  return place.replace(/^\./, '*.');
}

function quotedWhereNeeded(option: string): string {
  return /\s/.test(option) ? `"${option}"` : option;
}
