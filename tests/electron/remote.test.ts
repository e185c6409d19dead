import { expect, test, vi } from 'vitest';
import type { ForkedProcess } from '../../electron/computes.ts';
import { createRemote } from '../../electron/remote.ts';
import type { LineCommand, LineReport } from '../../main/contract/remote.ts';
import type { ShellEvent } from '../../main/contract/shell.ts';

/** A line's process whose reports the test makes; it ends when it is asked to close, or killed. */
const setUp = () => {
  const commands: LineCommand[] = [];
  const told: ShellEvent[] = [];
  let report: (message: unknown) => void = () => undefined;
  let exit: (code: number) => void = () => undefined;
  const startLine = vi.fn((_host: string): ForkedProcess<string> => ({
    postMessage: (message) => {
      const command = message as LineCommand;
      commands.push(command);
      if (command.type === 'close') setImmediate(() => exit(0));
    },
    onMessage: (listener) => (report = listener),
    onExit: (listener) => (exit = listener),
    kill: () => exit(9),
    stderr: null,
  }));
  const loadPage = vi.fn();
  const fellBack = vi.fn();
  const remote = createRemote<string>({ startLine, tell: (event) => told.push(event), loadPage, fellBack });
  return {
    remote,
    commands,
    told,
    startLine,
    loadPage,
    fellBack,
    report: (message: LineReport) => report(message),
    exit: () => exit(1),
  };
};

const question = { id: 5, kind: 'secret', text: 'Enter passphrase:' } as const;

test('the page is loaded on the other engine once it answers, and again on this one after the line', async () => {
  const { remote, commands, told, report, loadPage, fellBack } = setUp();
  const connected = remote.connect('there');
  await expect(remote.connect('elsewhere')).rejects.toMatchObject({ code: 'connected-already' });
  report({ type: 'step', step: 'reach' });
  report({ type: 'question', question });
  expect(remote.questions()).toEqual([question]);
  remote.answer(5, 'secret');
  report({ type: 'question-over', id: 5 });
  expect(remote.questions()).toEqual([]);
  expect(remote.host()).toBeNull();
  report({ type: 'opened', isFirst: true });
  await connected;
  expect(remote.host()).toBe('there');
  await vi.waitFor(() => expect(loadPage).toHaveBeenCalledTimes(1));
  remote.connectPage('port');
  report({ type: 'cut', message: 'The line is cut.' });
  report({ type: 'opened', isFirst: false });
  expect(told.map(({ type }) => type)).toEqual([
    ...['remote.step', 'remote.question', 'remote.questionOver', 'engine.lost', 'engine.started'],
  ]);
  await remote.leave(false);
  await vi.waitFor(() => expect(loadPage).toHaveBeenCalledTimes(2));
  expect(remote.host()).toBeNull();
  expect(fellBack).not.toHaveBeenCalled();
  expect(commands).toEqual([{ type: 'answer', id: 5, answer: 'secret' }, { type: 'page' }, { type: 'close' }]);
});

test('a refusal, a given up connection and an unasked end are told apart', async () => {
  const { remote, report, exit, told, loadPage, fellBack } = setUp();
  const refused = remote.connect('there');
  report({ type: 'question', question });
  report({ type: 'failed', code: 'host-key', message: 'The key changed.', remedy: 'Find out why.' });
  await expect(refused).rejects.toMatchObject({ code: 'host-key', remedy: 'Find out why.' });
  expect(told.at(-1)).toEqual({ type: 'remote.questionOver', id: 5 });

  const givenUp = remote.connect('there');
  remote.cancel();
  await expect(givenUp).rejects.toMatchObject({ kind: 'cancelled' });
  expect(loadPage).not.toHaveBeenCalled();

  const connected = remote.connect('there');
  report({ type: 'opened', isFirst: true });
  await connected;
  const fetched = remote.fetch('run', '/here/run');
  report({ type: 'fetching', id: 0, text: '1 MB copied' });
  expect(told.at(-1)).toEqual({ type: 'remote.fetching', text: '1 MB copied' });
  exit();
  await expect(fetched).rejects.toMatchObject({ code: 'line-ended' });
  expect(fellBack).toHaveBeenCalledExactlyOnceWith('there', expect.objectContaining({ code: 'line-ended' }));
  expect(remote.host()).toBeNull();
});
