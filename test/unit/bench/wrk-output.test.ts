import { expect, test } from 'vitest';
import { parseWrkOutput } from '../../bench/wrk-output.ts';

const head = `Running 3s test @ http://127.0.0.1:12345/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.61ms    1.12ms  30.10ms   93.51%
    Req/Sec    24.91k     1.80k   27.11k    80.00%
`;

test('reads requests and time', () => {
  const text = `${head}  74362 requests in 3.01s, 89.71MB read\nRequests/sec:  24705.11\nTransfer/sec:     29.80MB\n`;
  expect(parseWrkOutput(text)).toEqual({ requests: 74_362, seconds: 3.01, errors: 0 });
});

test('counts refusals and failed connections as errors', () => {
  const text = `${head}  500 requests in 1.50m, 1.00MB read
  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 50000
Requests/sec:      5.55
`;
  expect(parseWrkOutput(text)).toEqual({ requests: 500, seconds: 90, errors: 54_321 });
});

test('knows an output without a summary', () => {
  expect(parseWrkOutput('unable to connect to 127.0.0.1:1 Connection refused\n')).toBeNull();
});
