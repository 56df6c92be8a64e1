// Every required or optimal test of the public suite that does not pass through this proxy, and why that is right, with the section that says so.
// The suite's test of the same name fails when a test that is not here is missed, and when one that is here passes.

/** By the id of the test. */
export const EXPLAINED: Readonly<Record<string, string>> = {};
