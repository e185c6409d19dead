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
}

interface WaitsState {
  readonly waits: readonly Wait[];
  /** Shows a wait; returns the function that ends it. */
  readonly begin: (label: string, abort: () => void) => () => void;
}

const createWaitsStore = () => {
  let next = 1;
  return createStore<WaitsState>()((set) => ({
    waits: [],
    begin: (label, abort) => {
      const id = next;
      next += 1;
      set(({ waits }) => ({ waits: [...waits, { id, label, startedAt: Date.now(), abort }] }));
      return () => set(({ waits }) => ({ waits: waits.filter((wait) => wait.id !== id) }));
    },
  }));
};

export const waitsStore = createWaitsStore();

/** Time after which a wait is shown. */
const SHOWN_AFTER_MS = 1000;

/** Shows a wait once it has lasted a second, until the returned function is called. */
export const showWait = (label: string, abort: () => void): (() => void) => {
  let end = (): void => undefined;
  const timer = setTimeout(() => {
    end = waitsStore.getState().begin(label, abort);
  }, SHOWN_AFTER_MS);
  return () => {
    clearTimeout(timer);
    end();
  };
};

/** Runs work whose wait is shown with a button that aborts it. */
export const withWait = async (label: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
  const controller = new AbortController();
  const end = showWait(label, () => controller.abort());
  try {
    await work(controller.signal);
  } finally {
    end();
  }
};
