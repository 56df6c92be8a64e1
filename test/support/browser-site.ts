// A site for a browser: a page of a hundred resources, a WebSocket, server-sent events, a form with a file, a download. Its scripts leave what
// they found in `window.result`, where a test reads it.
import { createHash } from 'node:crypto';
import type { RequestListener, Server, ServerResponse } from 'node:http';
import { WebSocketServer } from 'ws';

export interface BrowserSite {
  readonly respond: RequestListener;
  /** What the download is. */
  readonly content: Buffer;
  /** Echoes every WebSocket message. */
  echoOn(server: Server): void;
}

/** @param content  what the download brings, and what an upload is searched for */
export function createBrowserSite(content: Buffer): BrowserSite {
  /** The stream of events that is open. */
  let events: ServerResponse | null = null;
  const respond: RequestListener = (request, response) => {
    const [, place = '', argument = ''] = (request.url ?? '').split('/');
    switch (place) {
      case 'image':
        response.setHeader('Content-Type', 'image/svg+xml').end(`<svg xmlns="http://www.w3.org/2000/svg" width="${argument}" height="1"/>`);
        return;
      case 'script':
        response.setHeader('Content-Type', 'text/javascript').end(`scripts.push(${argument}); /* ${'-'.repeat(20_000)} */`);
        return;
      case 'style':
        response.setHeader('Content-Type', 'text/css').end(`#style-${argument} { width: ${argument}px }`);
        return;
      case 'events':
        events = response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        sendEvent(events, 1);
        return;
      case 'seen':
        // The next event is sent only when the page has the one before: a proxy that gathers them would wait for ever.
        if (events !== null) sendEvent(events, Number(argument) + 1);
        response.writeHead(204).end();
        return;
      case 'upload': {
        const parts: Buffer[] = [];
        request.on('data', (bytes: Buffer) => parts.push(bytes));
        request.on('end', () => {
          const start = Buffer.concat(parts).indexOf(content.subarray(0, 64));
          const received = Buffer.concat(parts).subarray(start, start + content.length);
          html(response, `<p>${createHash('sha256').update(received).digest('hex')}</p>`);
        });
        return;
      }
      case 'download':
        response.setHeader('Content-Disposition', 'attachment; filename="content.bin"').end(content);
        return;
      default:
        html(response, PAGES[place] ?? '');
    }
  };
  return {
    respond,
    content,
    echoOn: (server) => {
      new WebSocketServer({ server }).on('connection', (socket) => {
        socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
      });
    },
  };
}

export const EVENT_COUNT = 10;

function sendEvent(response: ServerResponse, number: number): void {
  if (number > EVENT_COUNT) response.end();
  else response.write(`data: ${number}\n\n`);
}

function html(response: ServerResponse, body: string): void {
  response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>test</title><link rel="icon" href="data:,">${body}`);
}

function many(count: number, element: (number: number) => string): string {
  return Array.from({ length: count }, (_, index) => element(index + 1)).join('');
}

const PAGES: Readonly<Record<string, string>> = {
  hundred: `<script>const scripts = [];</script>
    ${many(40, (number) => `<img src="/image/${number}">`)}
    ${many(30, (number) => `<script src="/script/${number}"></script>`)}
    ${many(30, (number) => `<link rel="stylesheet" href="/style/${number}"><div id="style-${number}"></div>`)}
    <script>
      addEventListener('load', () => {
        const images = [...document.images].map((image) => image.naturalWidth);
        const styles = [...document.querySelectorAll('div')].map((each) => each.offsetWidth);
        window.result = { images, scripts, styles };
      });
    </script>`,
  websocket: `<script>
      const socket = new WebSocket(location.href.replace('http', 'ws'));
      socket.binaryType = 'arraybuffer';
      const sent = ['a text', 'x'.repeat(300_000), 'the last'];
      const got = [];
      socket.onopen = () => sent.forEach((text, index) => socket.send(index === 1 ? new TextEncoder().encode(text) : text));
      socket.onmessage = ({ data }) => {
        got.push(typeof data === 'string' ? data : new TextDecoder().decode(data));
        if (got.length === sent.length) socket.close(1000, 'enough');
      };
      socket.onclose = ({ code }) => { window.result = { code, isSame: got.join() === sent.join() }; };
    </script>`,
  stream: `<script>
      const seen = [];
      const source = new EventSource('/events');
      source.onmessage = async ({ data }) => {
        seen.push(Number(data));
        if (seen.length === ${EVENT_COUNT}) { source.close(); window.result = seen; }
        await fetch('/seen/' + data);
      };
    </script>`,
  form: `<form action="/upload" method="post" enctype="multipart/form-data"><input type="file" name="file"><button>Send</button></form>
    <a href="/download">Download</a>`,
};
