import { expect, test } from 'vitest';
import { workerConfig } from '../../../src/cluster/worker-config.ts';
import { configFrom } from '../../../src/config/config.ts';

const MIB = 2 ** 20;

test('memory of the cache, connections and what is under way on them are shared out, the disk is one, and the name is that of all', () => {
  const config = configFrom({ cache: { memory: 256 * MIB, folder: '/c' }, limits: { connections: 1_001, tunnels: 601 } }, 'open.yaml');
  const own = workerConfig(config, 2, 'sallyport-1234');
  expect(own.cache).toMatchObject({ memory: { maxBytes: 128 * MIB }, disk: { folder: '/c' } });
  expect(own.listener).toMatchObject({ connections: 501, tunnels: 301, http2Requests: config.listener.http2Requests / 2 });
  expect(own.viaName).toBe('sallyport-1234');
  expect(workerConfig(configFrom({ via: 'proxy-1' }, 'open.yaml'), 2, 'sallyport-1234').viaName).toBe('proxy-1');
});

test.each([{ use: 'off' as const }, { memory: 0, folder: '/c' }])(
  'where there is nothing to share out (%j), the cache is the one of the settings',
  (cache) => {
    const config = configFrom({ cache }, 'open.yaml');
    expect(workerConfig(config, 2, 'x').cache).toBe(config.cache);
  },
);
