// Owns where settings come from and which source wins: flags, then SALLYPORT_ variables, then the configuration file, then the defaults.
// Paths in the file are relative to the file's folder; those in flags and variables, to the working directory.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cannotRead, StartError } from '../errors/start-error.ts';
import { type Config, configFrom } from './config.ts';
import { CONFIG_VARIABLE, overlay, parseEnvironment, parseFile, parseFlags, type Source } from './parse.ts';
import type { Settings } from './settings.ts';

/** What flags can set, each as it was written. */
export interface FlagSettings {
  readonly config?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly policy?: string | undefined;
  readonly accessLog?: string | undefined;
  readonly accessLogFormat?: string | undefined;
  readonly cache?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly staleOk?: boolean | undefined;
  readonly caDir?: string | undefined;
  readonly admin?: string | undefined;
  readonly record?: string | undefined;
  readonly session?: string | undefined;
  readonly workers?: string | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The policy that holds when nobody names one. The same folder from src/config/ and from dist/config/. */
export const DEFAULT_POLICY_FILE = fileURLToPath(new URL('../../policies/open.yaml', import.meta.url));

/**
 * Reads every source anew; called at start and at each reload.
 *
 * @throws StartError `unreadable` or `permission` for the file itself, else `config` with the problems of all
 * sources together; `usage` when the flags alone are wrong
 */
export async function loadConfig(flags: FlagSettings, environment: Environment, workingDirectory: string): Promise<Config> {
  const fromHere = (file: string) => path.resolve(workingDirectory, file);
  const file = flags.config ?? environment[CONFIG_VARIABLE];
  const inFile = file ? await readSettings(file, fromHere(file)) : NOTHING;
  const inEnvironment = parseEnvironment(environment, fromHere);
  const inFlags = parseFlags(shaped(flags), (name) => FLAG_OF_SETTING.get(name) ?? '--listen', fromHere);
  const lower = [...inFile.problems, ...inEnvironment.problems];
  if (lower.length + inFlags.problems.length > 0)
    throw new StartError(lower.length > 0 ? 'config' : 'usage', [...lower, ...inFlags.problems]);
  const settings = [inFile, inEnvironment, inFlags].map((source) => source.settings).reduce(overlay);
  const keyLog = environment['SSLKEYLOGFILE'];
  const config = configFrom(
    {
      state_dir: defaultStateFolder(environment),
      ...settings,
      // What curl and browsers go by.
      tls: { ...(keyLog ? { key_log: fromHere(keyLog) } : {}), ...settings.tls },
    },
    DEFAULT_POLICY_FILE,
    defaultCacheFolder(environment),
    defaultCaFolder(environment),
  );
  // Silently asking origins all the same is what nobody means who says this.
  if (config.cache === null && settings.cache?.offline) throw new StartError('config', [OFFLINE_WITHOUT_CACHE]);
  const problem = problemOfAuthority(settings.tls ?? {});
  if (problem !== null) throw new StartError('config', [problem]);
  return config;
}

/** What systemd gives a service (systemd.exec, StateDirectory=), else the user's own place for such things (XDG Base Directory Specification). */
function defaultStateFolder({ STATE_DIRECTORY, XDG_STATE_HOME, HOME }: Environment): string {
  const given = STATE_DIRECTORY?.split(':')[0];
  if (given) return given;
  if (XDG_STATE_HOME && path.isAbsolute(XDG_STATE_HOME)) return path.join(XDG_STATE_HOME, 'sallyport');
  return HOME ? path.join(HOME, '.local', 'state', 'sallyport') : 'off';
}

/** The same for what can be fetched again. */
function defaultCacheFolder({ CACHE_DIRECTORY, XDG_CACHE_HOME, HOME }: Environment): string | null {
  const given = CACHE_DIRECTORY?.split(':')[0];
  if (given) return given;
  if (XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME)) return path.join(XDG_CACHE_HOME, 'sallyport');
  return HOME ? path.join(HOME, '.cache', 'sallyport') : null;
}

/**
 * Where a CA of our own lies when nobody chooses a folder. In a clone that is certs/ca, so that what a trial leaves goes with the clone; elsewhere the
 * program's own folder is replaced by updates and may not be written, so it is the user's place for data (XDG Base Directory Specification).
 */
function defaultCaFolder({ STATE_DIRECTORY, XDG_DATA_HOME, HOME }: Environment): string | null {
  const given = STATE_DIRECTORY?.split(':')[0];
  if (given) return path.join(given, 'ca');
  if (existsSync(CLONE_MARK)) return CLONE_CA_FOLDER;
  if (XDG_DATA_HOME && path.isAbsolute(XDG_DATA_HOME)) return path.join(XDG_DATA_HOME, 'sallyport', 'ca');
  return HOME ? path.join(HOME, '.local', 'share', 'sallyport', 'ca') : null;
}

/** What the settings say about the CA has to name one, as a whole. */
function problemOfAuthority({ ca_dir, ca_certificate, ca_key }: NonNullable<Settings['tls']>): string | null {
  if ((ca_certificate === undefined) !== (ca_key === undefined))
    return 'tls.ca_certificate and tls.ca_key go together: name the certificate of an existing CA and its private key.';
  if (ca_dir !== undefined && ca_certificate !== undefined)
    return 'tls.ca_dir (or --ca-dir) and tls.ca_certificate name two CAs. Keep one of them.';
  return null;
}

async function readSettings(file: string, absolute: string): Promise<Source> {
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (error) {
    throw cannotRead('the configuration file', file, error);
  }
  return parseFile(text, file, (relative) => path.resolve(path.dirname(absolute), relative));
}

/** The flags in the shape of the file; one that was not given is not mentioned. */
function shaped(flags: FlagSettings): object {
  const {
    listen,
    policy,
    accessLog,
    accessLogFormat,
    cache: use,
    cacheDir,
    offline,
    staleOk,
    caDir,
    admin,
    record,
    session,
    workers,
  } = flags;
  const log = { ...(accessLog !== undefined && { file: accessLog }), ...(accessLogFormat !== undefined && { format: accessLogFormat }) };
  const cache = {
    ...(use !== undefined && { use }),
    ...(cacheDir !== undefined && { folder: cacheDir }),
    ...(offline && { offline }),
    ...(staleOk && { stale_ok: staleOk }),
  };
  return {
    ...(listen !== undefined && { listen: [...listen] }),
    ...(policy !== undefined && { policy }),
    ...(Object.keys(log).length > 0 && { access_log: log }),
    ...(Object.keys(cache).length > 0 && { cache }),
    ...(caDir !== undefined && { tls: { ca_dir: caDir } }),
    ...(admin !== undefined && { admin }),
    ...(workers !== undefined && { workers }),
    ...((record ?? session) !== undefined && {
      record: { ...(record !== undefined && { use: record }), ...(session !== undefined && { session }) },
    }),
  };
}

const FLAG_OF_SETTING: ReadonlyMap<string, string> = new Map([
  ['policy', '--policy'],
  ['access_log.file', '--access-log'],
  ['access_log.format', '--access-log-format'],
  ['cache.use', '--cache'],
  ['cache.folder', '--cache-dir'],
  ['tls.ca_dir', '--ca-dir'],
  ['admin', '--admin'],
  ['workers', '--workers'],
  ['record.use', '--record'],
  ['record.session', '--session'],
]);

/** A package brings no source: the same test as in bin.cjs. */
const CLONE_MARK = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const CLONE_CA_FOLDER = fileURLToPath(new URL('../../certs/ca', import.meta.url));
const OFFLINE_WITHOUT_CACHE =
  'cache.offline (or --offline): the cache is off, so nothing could be answered. Leave the cache on, with memory or disk above 0.';
const NOTHING: Source = { settings: {}, problems: [] };
