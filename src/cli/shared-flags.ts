// Owns flags that mean the same in commands of several kinds: which files a command goes by, and which running proxy it is about.
import type { Flag } from './command.ts';

export const POLICY_FLAG: Flag = { value: 'FILE', text: 'the policy; without it the one that the settings name, else open.yaml' };
export const CONFIG_FLAG: Flag = { value: 'FILE', text: 'the configuration file (YAML)' };
export const CA_DIR_FLAG: Flag = {
  value: 'FOLDER',
  text: 'where the CA lies; without it tls.ca_dir, else certs/ca of a clone, else the folder for data of this user',
};

/** Which running proxy is asked. */
export const PROXY_FLAGS = {
  process: { value: 'PID', text: 'which proxy, where several of this user are running; the first line of a start names it' },
  config: CONFIG_FLAG,
} as const satisfies Readonly<Record<string, Flag>>;
