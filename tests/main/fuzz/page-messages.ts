import path from 'node:path';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { createEngine } from '../../../main/engine/engine.ts';
import { reviveError, WorkbenchError } from '../../../main/contract/errors.ts';
import { serialisedError } from '../../../main/contract/rpc.ts';
import { serveWorkbench } from '../../../main/hosts/serve.ts';
import { openServedPage } from '../hosts/served-page.ts';
import { type FuzzedParser, MUTATIONS } from './fuzzed-parser.ts';

const root = path.join(import.meta.dirname, '../../..');

const answer = z.discriminatedUnion('type', [
  z.object({ type: z.literal('result'), output: z.unknown() }),
  z.object({ type: z.literal('error'), error: serialisedError }),
  z.object({ type: z.literal('event') }),
]);

/** The server's answer to one message of a page, or the end of the connection. */
const exchange = (socket: WebSocket, message: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const ended = (): void => reject(new WorkbenchError('connection-ended', 'failed', 'no page of ours', ''));
    socket.once('close', ended);
    const received = (data: Buffer): void => {
      const parsed = answer.parse(JSON.parse(data.toString('utf8')));
      if (parsed.type === 'event') return;
      socket.off('message', received).off('close', ended);
      if (parsed.type === 'result') resolve(parsed.output);
      // The engine's own word for what nobody foresaw.
      else if (parsed.error.code === 'internal') reject(new Error(parsed.error.message));
      else reject(reviveError(parsed.error));
    };
    socket.on('message', received);
    socket.send(message);
  });

/** Messages of pages to a served engine, over a WebSocket: the cost of a plan for a bundled model. */
export const pageMessages = async (workspace: string): Promise<FuzzedParser> => {
  const resources = path.join(root, 'resources');
  const engine = await createEngine({ workspace, resources, commandLine: 'test', threads: 1 });
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
  if (model === undefined) throw new Error('no bundled model');
  const server = await serveWorkbench({
    engine,
    rendererFolder: root,
    answerPage: (_, response) => response.end(),
    port: 0,
    host: '127.0.0.1',
  });
  let socket: WebSocket | null = null;
  const connected = async (): Promise<WebSocket> => {
    if (socket?.readyState === WebSocket.OPEN) return socket;
    const opened = await openServedPage(server.url);
    socket = opened;
    return opened;
  };
  const plan = { kept: Array.from({ length: 3 }, () => [0, 2, 4, 6]), method: 'reap', seed: 1, factor: 2 };
  return {
    name: 'messages of a page',
    sound: Buffer.from(
      JSON.stringify({ type: 'call', id: 1, name: 'plan.cost', input: { model: model.handle, plan } }),
    ),
    mutations: MUTATIONS,
    read: async (bytes) => exchange(await connected(), bytes.toString('utf8')),
    close: async () => {
      socket?.terminate();
      await server.close();
      await engine.dispose();
    },
  };
};
