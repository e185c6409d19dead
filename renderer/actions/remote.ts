import type { Engine } from '../engine/engine-context.tsx';
import { noticesStore, showWait } from '../state/notices-store.ts';
import { remoteStore } from '../state/remote-store.ts';
import type { Action } from './action.ts';

/** Whether the window uses the engine of another machine. */
const isElsewhere = (): boolean => remoteStore.getState().host !== null;

export const connectElsewhere: Action = {
  id: 'connect',
  label: 'Connect to a machine…',
  keywords: ['ssh', 'remote', 'server', 'card', 'gpu', 'machine', 'cluster', 'line'],
  menu: 'file',
  enabled: () => !isElsewhere(),
  perform: () => remoteStore.setState({ open: true }),
};

export const leaveRemote: Action = {
  id: 'leave-remote',
  label: 'Come back to this machine; the engine there goes on',
  keywords: ['ssh', 'remote', 'disconnect', 'leave', 'close', 'line'],
  menu: 'file',
  enabled: isElsewhere,
  perform: ({ bridge }) => bridge.shell?.remote.leave({ stop: false }),
};

export const stopRemote: Action = {
  id: 'stop-remote',
  label: 'Stop the engine there, and come back to this machine',
  keywords: ['ssh', 'remote', 'disconnect', 'end', 'quit'],
  menu: 'file',
  enabled: isElsewhere,
  perform: ({ bridge }) => bridge.shell?.remote.leave({ stop: true }),
};

/** Copies what a finished run made on the other machine to this one; its progress is a wait with Cancel. */
export const fetchRun = async ({ bridge }: Pick<Engine, 'bridge'>, run: string): Promise<void> => {
  const remote = bridge.shell?.remote;
  if (remote === undefined) return;
  const cancel = new AbortController();
  const wait = showWait('Fetching', () => cancel.abort());
  const stop = remote.onEvent((event) => {
    if (event.type === 'remote.fetching') wait.say(event.text);
  });
  try {
    const fetched = await remote.fetch(run, cancel.signal);
    if (fetched === null) return;
    noticesStore.getState().tell(`${fetched.out}: ${String(fetched.files)} files, each as its checksum says.`);
  } finally {
    stop();
    wait.end();
  }
};
