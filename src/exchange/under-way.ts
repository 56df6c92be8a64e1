// Owns how many tunnels, and how many requests of HTTP/2, clients may have under way at once, in all. Requests of HTTP/1.1 need no count of their own: a
// connection has one at a time, and connections are counted where they are accepted (listeners/http.ts).
import { ProxyError } from '../errors/proxy-error.ts';
import type { Flow } from '../flows/flow.ts';
import type { Stages } from './run-exchange.ts';

export class UnderWay {
  readonly #tunnels = new Set<Flow>();
  readonly #http2Requests = new Set<Flow>();

  /** Stages whose first one refuses what would be one too many, with a ProxyError `connection_limit_reached`. Stages of several sets share the counts. */
  limited(stages: Stages, { tunnels, http2Requests }: { readonly tunnels: number; readonly http2Requests: number }): Stages {
    return {
      ...stages,
      authenticate: (received) => {
        const { head, flow, isBackground } = received.incoming;
        if (head.version === '2' && !isBackground) enter(this.#http2Requests, flow, http2Requests, 'requests of HTTP/2');
        return stages.authenticate(received);
      },
      authenticateConnect: (received) => {
        enter(this.#tunnels, received.incoming.flow, tunnels, 'tunnels');
        return stages.authenticateConnect(received);
      },
    };
  }

  /** Its record is finished. */
  ended(flow: Flow): void {
    if (flow.method === 'CONNECT') this.#tunnels.delete(flow);
    else if (flow.version === '2') this.#http2Requests.delete(flow);
  }
}

function enter(flows: Set<Flow>, flow: Flow, most: number, what: string): void {
  if (flows.size >= most) throw new ProxyError('connection_limit_reached', `The proxy has ${most} ${what} under way and takes no more.`);
  flows.add(flow);
}
