import { createStore } from 'zustand/vanilla';
import { serialiseError } from '../../main/contract/errors.ts';

/** A message to the user. It leaves after a while, unless it is read or offers something (app/banners.tsx). */
export interface Notice {
  readonly id: number;
  readonly kind: 'error' | 'done';
  readonly message: string;
  /** Advice; empty if nothing is needed. */
  readonly remedy: string;
  /** One remedy, as a button. */
  readonly offer?: NoticeOffer | undefined;
}

export interface NoticeOffer {
  readonly label: string;
  readonly perform: () => void;
}

interface NoticesState {
  readonly notices: readonly Notice[];
  readonly report: (error: unknown) => void;
  /** Returns the notice's id, with which it can be removed. */
  readonly tell: (message: string, remedy?: string, offer?: NoticeOffer) => number;
  readonly dismiss: (id: number) => void;
}

/** More would hide the window; the oldest are removed first. */
const MAX_NOTICES = 4;

export const createNoticesStore = () => {
  let next = 1;
  return createStore<NoticesState>()((set) => {
    const add = (notice: Omit<Notice, 'id'>): number => {
      const id = next;
      next += 1;
      set(({ notices }) => ({
        notices: [...notices.filter((known) => known.message !== notice.message), { ...notice, id }].slice(
          -MAX_NOTICES,
        ),
      }));
      return id;
    };
    return {
      notices: [],
      report: (error) => {
        const { kind, message, remedy } = serialiseError(error);
        if (kind !== 'cancelled') add({ kind: 'error', message, remedy });
      },
      tell: (message, remedy = '', offer) => add({ kind: 'done', message, remedy, offer }),
      dismiss: (id) => set(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) })),
    };
  });
};

export const noticesStore = createNoticesStore();

/** A wait for an answer of the engine that lasts longer than a second. */
export interface Wait {
  readonly id: number;
  readonly label: string;
  readonly startedAt: number;
  readonly abort: () => void;
  /** The button that waits; null: the wait of a view. */
  readonly place: Element | null;
}

/** A wait that may be on screen. */
export interface ShownWait {
  /** Changes its words. */
  readonly say: (label: string) => void;
  readonly end: () => void;
}

interface WaitsState {
  readonly waits: readonly Wait[];
  /** Labels of the waits that stand in a view, once for each place. */
  readonly held: readonly string[];
  readonly begin: (wait: Omit<Wait, 'id'>) => ShownWait;
  /** Keeps a place for the waits of a label; the returned function gives it up. */
  readonly hold: (label: string) => () => void;
}

const createWaitsStore = () => {
  let next = 1;
  return createStore<WaitsState>()((set) => ({
    waits: [],
    held: [],
    hold: (label) => {
      set(({ held }) => ({ held: [...held, label] }));
      return () => set(({ held }) => ({ held: held.filter((_, index) => index !== held.indexOf(label)) }));
    },
    begin: (wait) => {
      const id = next;
      next += 1;
      set(({ waits }) => ({ waits: [...waits, { ...wait, id }] }));
      return {
        say: (label) =>
          set(({ waits }) => ({ waits: waits.map((known) => (known.id === id ? { ...known, label } : known)) })),
        end: () => set(({ waits }) => ({ waits: waits.filter((known) => known.id !== id) })),
      };
    },
  }));
};

export const waitsStore = createWaitsStore();

/** Time after which a wait is shown. */
const SHOWN_AFTER_MS = 1000;

/** Shows a wait once it has lasted a second. */
export const showWait = (label: string, abort: () => void, place: Element | null = null): ShownWait => {
  const startedAt = performance.now();
  let now = label;
  let shown: ShownWait | null = null;
  const timer = setTimeout(() => {
    shown = waitsStore.getState().begin({ label: now, startedAt, abort, place });
  }, SHOWN_AFTER_MS);
  return {
    say: (next) => {
      if (next !== now) shown?.say(next);
      now = next;
    },
    end: () => {
      clearTimeout(timer);
      shown?.end();
    },
  };
};
