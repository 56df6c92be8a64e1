// Owns whether an origin's certificate is believed.

/** What a policy may forgive one host: that its certificate is out of date, is for other names, comes from nobody known; or one certificate by its SHA-256. */
export type AcceptedFault = 'expired' | 'wrong_name' | 'untrusted' | `sha256:${string}`;
export type AcceptedFaults = readonly AcceptedFault[];
