// Owns the line of `--version`.
import { ownVersion } from '../proxy/own-version.ts';

/** `sallyport 0.1.0 (node 26.10.0, linux x64)` */
export function versionLine(): string {
  return `sallyport ${ownVersion()} (node ${process.versions.node}, ${process.platform} ${process.arch})`;
}
