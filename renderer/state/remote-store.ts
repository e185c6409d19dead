import { createStore } from 'zustand/vanilla';
import type { RemoteStep, SshQuestion } from '../../main/contract/remote.ts';
import type { RemoteEvent } from '../../main/contract/shell.ts';
import { remembered } from './layout-store.ts';

const KEY = 'hosts';
const MOST_REMEMBERED = 5;

const rememberedHosts = (): readonly string[] =>
  (remembered.read(KEY) ?? '')
    .split(' ')
    .filter((host) => host !== '')
    .slice(0, MOST_REMEMBERED);

interface RemoteState {
  /** The machine whose engine the window uses; null: this one. */
  readonly host: string | null;
  /** Whether the dialog that asks for a machine is open. */
  readonly open: boolean;
  /** Machines that were reached, the last first. */
  readonly hosts: readonly string[];
  /** What the connection does now; null: none is being made. */
  readonly step: RemoteStep | null;
  /** What ssh asks, the oldest first. */
  readonly questions: readonly SshQuestion[];
  readonly remember: (host: string) => void;
  readonly hear: (event: RemoteEvent) => void;
}

export const remoteStore = createStore<RemoteState>()((set, get) => ({
  host: null,
  open: false,
  hosts: rememberedHosts(),
  step: null,
  questions: [],
  remember: (host) => {
    const hosts = [host, ...get().hosts.filter((known) => known !== host)].slice(0, MOST_REMEMBERED);
    remembered.write(KEY, hosts.join(' '));
    set({ hosts });
  },
  hear: (event) => {
    const { step, questions } = get();
    if (event.type === 'remote.step' && step !== null) set({ step: event.step });
    if (event.type === 'remote.question') set({ questions: [...questions, event.question] });
    if (event.type === 'remote.questionOver') set({ questions: questions.filter(({ id }) => id !== event.id) });
  },
}));
