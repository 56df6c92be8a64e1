// Owns what the doctor has each program do: fetch a page over https in the plainest way that it has, with the person's own settings of it, and without
// leaving anything behind; and what helps where that fails.

export interface Probe {
  /** For the table: `Python (requests)`. */
  readonly name: string;
  /** What it may be called; the first that is found counts. */
  readonly programs: readonly string[];
  /** What it is asked for its version with; `--version` where nothing is said. */
  readonly version?: readonly string[];
  /** @param scratch  a folder that is removed afterwards; `files` are in it @returns the words after the program */
  words(url: string, scratch: string): readonly string[];
  /** Name and content. */
  files?(url: string): Readonly<Record<string, string>>;
  /** Where it keeps things otherwise. */
  environment?(scratch: string): Readonly<Record<string, string>>;
  /** Said by a program that lacks what the probe is about: then it counts as not found. */
  readonly lacks?: RegExp;
  /** How to have it trust our certificate without `sallyport run`. @param file  the certificate, PEM @param caTrust  our own command for it */
  trust(file: string, caTrust: string): string;
  /** What is to be done where it goes past the proxy. */
  readonly useProxy: string;
}

const VARIABLES = 'it does not go by http_proxy and https_proxy; look for a proxy in its own settings';
/** For those that go by the system's roots, and for browsers, whose stores it knows. */
const CA_TRUST = (_file: string, caTrust: string): string => caTrust;
const NODE_VERSIONS = 'Node asks for the proxy from version 24, or 22.21, on (NODE_USE_ENV_PROXY=1)';
const PYTHON_REQUESTS = 'import requests, sys; print(requests.get(sys.argv[1], timeout=20).text)';
const PYTHON_URLLIB = 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())';
const FETCH = 'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)';
const HTTPS_GET = "require('node:https').get(process.argv[1], (answer) => answer.pipe(process.stdout))";
const JAVA = `public class Doctor {
  public static void main(String[] words) throws Exception {
    try (var content = new java.net.URL(words[0]).openStream()) {
      System.out.println(new String(content.readAllBytes()));
    }
  }
}
`;
const GO = `package main

import ("fmt"; "io"; "net/http"; "os")

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil { fmt.Fprintln(os.Stderr, err); os.Exit(1) }
	content, _ := io.ReadAll(answer.Body)
	fmt.Println(string(content))
}
`;

export const PROBES: readonly Probe[] = [
  {
    name: 'curl',
    programs: ['curl'],
    words: (url) => ['--silent', '--show-error', '--fail', url],
    trust: CA_TRUST,
    useProxy: 'a "proxy" or "noproxy" in ~/.curlrc wins over the variables; take it out',
  },
  {
    name: 'wget',
    programs: ['wget'],
    words: (url) => ['--no-verbose', '--tries=1', '--output-document=-', url],
    trust: CA_TRUST,
    useProxy: 'a "use_proxy = off" or "https_proxy" in ~/.wgetrc or /etc/wgetrc wins over the variables; take it out',
  },
  {
    name: 'git',
    programs: ['git'],
    words: (url) => ['ls-remote', url],
    environment: () => ({ GIT_TERMINAL_PROMPT: '0' }),
    trust: CA_TRUST,
    useProxy: 'an http.proxy in the configuration of git wins over the variables: git config --show-origin --get-all http.proxy',
  },
  {
    name: 'Python (urllib)',
    programs: ['python3', 'python'],
    words: (url) => ['-c', PYTHON_URLLIB, url],
    trust: CA_TRUST,
    useProxy: VARIABLES,
  },
  {
    name: 'Python (requests)',
    programs: ['python3', 'python'],
    words: (url) => ['-c', PYTHON_REQUESTS, url],
    lacks: /No module named '?requests/,
    trust: (file) => `REQUESTS_CA_BUNDLE=FILE, where FILE has the system's roots and those of ${file}`,
    useProxy: VARIABLES,
  },
  {
    name: 'Node (fetch)',
    programs: ['node'],
    words: (url) => ['--eval', FETCH, url],
    lacks: /fetch is not defined/,
    trust: (file) => `NODE_EXTRA_CA_CERTS=${file}`,
    useProxy: NODE_VERSIONS,
  },
  {
    name: 'Node (https)',
    programs: ['node'],
    words: (url) => ['--eval', HTTPS_GET, url],
    trust: (file) => `NODE_EXTRA_CA_CERTS=${file}`,
    useProxy: NODE_VERSIONS,
  },
  {
    name: 'npm',
    programs: ['npm'],
    words: (url, scratch) => ['ping', '--json', '--registry', url, '--cache', scratch, ...NPM_QUIET],
    environment: () => ({ NODE_DISABLE_COMPILE_CACHE: '1' }),
    trust: (file) => `NODE_EXTRA_CA_CERTS=${file}`,
    useProxy: 'npm config get https-proxy says what it goes by',
  },
  {
    name: 'Java',
    programs: ['java'],
    version: ['-version'],
    words: (url, scratch) => [`${scratch}/Doctor.java`, url],
    files: () => ({ 'Doctor.java': JAVA }),
    // A runtime without a compiler cannot run what we would have it run.
    lacks: /jdk\.compiler not found|Could not find or load main class/,
    trust: (file) => `keytool -importcert -cacerts -alias sallyport -file ${file}`,
    useProxy: '-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT in JAVA_TOOL_OPTIONS; Java reads no other variable',
  },
  {
    name: 'Go',
    programs: ['go'],
    version: ['version'],
    words: (url, scratch) => ['run', `${scratch}/doctor.go`, url],
    files: () => ({ 'doctor.go': GO }),
    environment: (scratch) => ({ GOCACHE: scratch, GOTOOLCHAIN: 'local', GO111MODULE: 'off' }),
    trust: CA_TRUST,
    useProxy: VARIABLES,
  },
  {
    name: 'Ruby',
    programs: ['ruby'],
    words: (url) => ['-ropen-uri', '-e', 'puts URI.open(ARGV[0]).read', url],
    trust: CA_TRUST,
    useProxy: VARIABLES,
  },
  {
    name: 'Deno',
    programs: ['deno'],
    words: (url) => ['eval', `console.log(await (await fetch(${JSON.stringify(url)})).text())`],
    environment: (scratch) => ({ DENO_DIR: scratch, DENO_NO_UPDATE_CHECK: '1' }),
    trust: (file) => `DENO_CERT=${file}`,
    useProxy: VARIABLES,
  },
  {
    name: 'Bun',
    programs: ['bun'],
    words: (url) => ['--eval', `console.log(await (await fetch(${JSON.stringify(url)})).text())`],
    trust: (file) => `NODE_EXTRA_CA_CERTS=${file}`,
    useProxy: VARIABLES,
  },
  {
    name: 'cargo',
    programs: ['cargo'],
    words: (url) => ['search', 'doctor', '--index', `sparse+${url}`],
    environment: (scratch) => ({ CARGO_HOME: scratch }),
    trust: CA_TRUST,
    useProxy: 'an http.proxy in ~/.cargo/config.toml wins over the variables; take it out',
  },
  {
    name: '.NET',
    programs: ['dotnet'],
    words: (_, scratch) => ['fsi', '--quiet', `${scratch}/doctor.fsx`],
    files: (url) => ({
      'doctor.fsx': `printfn "%s" ((new System.Net.Http.HttpClient()).GetStringAsync(${JSON.stringify(url)}).Result)\n`,
    }),
    environment: (scratch) => ({ DOTNET_CLI_HOME: scratch, DOTNET_NOLOGO: '1', DOTNET_CLI_TELEMETRY_OPTOUT: '1' }),
    trust: CA_TRUST,
    useProxy: VARIABLES,
  },
  {
    name: 'Chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    words: (url, scratch) => ['--headless', ...CHROMIUM_QUIET, `--user-data-dir=${scratch}`, '--dump-dom', url],
    // Its configuration, but not its data: that is where its certificates are.
    environment: (scratch) => ({ XDG_CONFIG_HOME: scratch, XDG_CACHE_HOME: scratch }),
    trust: CA_TRUST,
    useProxy: 'start it with --proxy-server=URL',
  },
];

const NPM_QUIET = ['--fetch-retries=0', '--no-update-notifier', '--logs-max=0'];
// Its sandbox does not start as root, nor in most containers; the one page it opens is ours.
const CHROMIUM_QUIET = ['--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-sync', '--disable-background-networking'];
