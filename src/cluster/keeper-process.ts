// Owns what the process of the keeper runs (keeper.ts).
import { obey } from './forked.ts';
import { startKeeper } from './keeper.ts';

obey(({ config, keeperSocket }, report) => startKeeper(config, keeperSocket, report));
