// Owns the chance of the properties: the same inputs in every run of `npm test`, so that no change waits for an accident that is not its own, and others
// in each round of `npm run fuzz:properties`, which looks for what nobody thought of.
import fc from 'fast-check';

const DEFAULT_SEED = 20_260_101;

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env['PROPERTY_SEED'] ?? DEFAULT_SEED) });
