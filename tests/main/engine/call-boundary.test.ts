import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type CallName, calls } from '../../../main/contract/calls.ts';
import { connectionLost, connectRpc, type MessageChannelEnd, serveRpc } from '../../../main/contract/rpc.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';
import { openEngine } from './open-engine.ts';

const channelOf = (port: MessagePort): MessageChannelEnd => ({
  post: (message) => port.postMessage(message),
  listen: (received, ended) => {
    port.on('message', received);
    port.on('close', ended);
    return () => void port.off('message', received).off('close', ended);
  },
  close: () => port.close(),
});

const parsesOf = (name: CallName): { readonly input: () => number; readonly output: () => number } => {
  const [input, output] = [vi.spyOn(calls[name].input, 'safeParse'), vi.spyOn(calls[name].output, 'safeParse')];
  onTestFinished(() => void vi.restoreAllMocks());
  return { input: () => input.mock.calls.length, output: () => output.mock.calls.length };
};

test('input and output of a call are parsed once each, from a page and within the process', async () => {
  const engine = await openEngine(join(await temporaryFolder(), 'workspace'));
  const { port1, port2 } = new MessageChannel();
  const stop = serveRpc(engine, channelOf(port2));
  const page = connectRpc(channelOf(port1), () => undefined);
  onTestFinished(() => {
    page.close(connectionLost('done'));
    stop();
  });
  const model = (await engine.call('models.list', {})).find(({ name }) => name === 'uncurl-8');
  if (model === undefined) throw new Error('no bundled model');

  const parses = parsesOf('plan.cost');
  const input = {
    model: model.handle,
    plan: {
      kept: [
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2],
      ],
    },
  };
  const own = await engine.call('plan.cost', input);
  expect([parses.input(), parses.output()]).toEqual([1, 1]);
  expect(await page.call('plan.cost', input)).toEqual(own);
  expect([parses.input(), parses.output()]).toEqual([2, 2]);
  // The host gets the same as the page: nothing beyond the contract.
  expect(await engine.answer('plan.cost', input)).toEqual(own);
  expect([parses.input(), parses.output()]).toEqual([2, 2]);
});
