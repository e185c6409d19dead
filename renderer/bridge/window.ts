import { z } from 'zod';
import { assertNever, reviveError } from '../../main/contract/errors.ts';
import { connectionLost, type MessageChannelEnd, serialisedError } from '../../main/contract/rpc.ts';
import {
  enginePortMessage,
  type RemoteEvent,
  type ShellApi,
  type ShellCallInput,
  type ShellCallName,
  type ShellCallOutput,
  shellCalls,
  shellEvent,
} from '../../main/contract/shell.ts';
import type { PathHandle } from '../../main/contract/model.ts';
import type { Bridge, Remote } from './bridge.ts';
import { createBridgeLine, createListeners } from './line.ts';

declare global {
  interface Window {
    /** Set by the preload script; absent in a browser. */
    readonly uncurlShell?: ShellApi;
  }
}

const outputs: { readonly [N in ShellCallName]: { readonly output: z.ZodType<ShellCallOutput<N>> } } = shellCalls;
const shellAnswer = z.union([z.object({ error: serialisedError }), z.object({ output: z.unknown() })]);

const callShell = async <N extends ShellCallName>(
  shell: ShellApi,
  name: N,
  input: ShellCallInput<N>,
): Promise<ShellCallOutput<N>> => {
  const answer = shellAnswer.parse(await shell.call(name, input));
  if ('error' in answer) throw reviveError(answer.error);
  return outputs[name].output.parse(answer.output);
};

/** A page's MessagePort. Browsers do not report its end, so the shell does (`engine.lost`). */
const portChannel = (port: MessagePort): MessageChannelEnd => ({
  post: (message) => port.postMessage(message),
  listen: (received) => {
    const listener = (event: MessageEvent): void => received(event.data);
    port.addEventListener('message', listener);
    port.start();
    return () => port.removeEventListener('message', listener);
  },
  close: () => port.close(),
});

/** Requests a port to the engine and returns it from the window message that delivers it. */
const requestPort = async (shell: ShellApi): Promise<MessagePort> => {
  const request = crypto.randomUUID();
  const stopWaiting = new AbortController();
  const arrived = new Promise<MessagePort>((resolve) => {
    const take = (event: MessageEvent<unknown>): void => {
      const port = event.ports[0];
      if (event.source !== window || event.data !== enginePortMessage(request) || port === undefined) return;
      stopWaiting.abort();
      resolve(port);
    };
    window.addEventListener('message', take, { signal: stopWaiting.signal });
  });
  try {
    await callShell(shell, 'engine.connect', { request });
  } catch (error) {
    stopWaiting.abort();
    throw error;
  }
  return arrived;
};

/** Connects the desktop window's page to the engine process, and again whenever the shell restarts it. */
export const connectWindow = async (api: ShellApi): Promise<Bridge> => {
  const line = createBridgeLine(() => undefined);
  const menu = createListeners<string>();
  const opened = createListeners<PathHandle>();
  const dropped = createListeners<readonly (PathHandle | null)[]>();
  const ofRemote = createListeners<RemoteEvent>();

  const connect = async (): Promise<void> => {
    try {
      line.use(portChannel(await requestPort(api)));
    } catch (error) {
      line.lose(connectionLost(error instanceof Error ? error.message : String(error)));
    }
  };

  api.onEvent((raw) => {
    const event = shellEvent.parse(raw);
    switch (event.type) {
      case 'engine.lost':
        return line.lose(connectionLost(event.message));
      case 'engine.started':
        return void connect();
      case 'menu.action':
        return menu.tell(event.id);
      case 'link':
        // renderer/app/use-address.ts follows the new fragment.
        window.location.hash = event.fragment;
        return;
      case 'opened':
        return opened.tell(event.handle);
      case 'dropped':
        return dropped.tell(event.handles);
      case 'remote.step':
      case 'remote.question':
      case 'remote.questionOver':
      case 'remote.fetching':
        return ofRemote.tell(event);
      default:
        return assertNever(event);
    }
  });
  const [{ host, questions }] = await Promise.all([callShell(api, 'remote.state', {}), connect()]);

  const remote: Remote = {
    host,
    questions,
    connect: async (to) => void (await callShell(api, 'remote.connect', { host: to })),
    cancel: async () => void (await callShell(api, 'remote.cancel', {})),
    answer: async (id, answer) => void (await callShell(api, 'remote.answer', { id, answer })),
    leave: async (request) => void (await callShell(api, 'remote.leave', request)),
    fetch: async (run, signal) => {
      const cancel = (): void => void callShell(api, 'remote.fetchCancel', {});
      signal.addEventListener('abort', cancel, { once: true });
      try {
        return await callShell(api, 'remote.fetch', { run });
      } finally {
        signal.removeEventListener('abort', cancel);
      }
    },
    onEvent: ofRemote.add,
  };
  const saveFile: Bridge['saveFile'] = async (file) => (await callShell(api, 'file.save', file)).saved;
  return {
    call: line.call,
    subscribe: line.subscribe,
    status: line.status,
    host: 'window',
    saveFile,
    shell: {
      platform: api.platform,
      saveFile,
      chooseFolder: host === null ? (request) => callShell(api, 'folder.choose', request) : null,
      remote,
      showOutput: async (run) => void (await callShell(api, 'output.show', { run })),
      setTheme: async (theme) => void (await callShell(api, 'theme.set', { theme })),
      setMenu: async (actions) => void (await callShell(api, 'menu.set', { actions: [...actions] })),
      onOpened: opened.add,
      listen: async () => void (await callShell(api, 'openings.listen', {})),
      onDropped: dropped.add,
      onMenuAction: menu.add,
    },
  };
};
