import { createStore } from 'zustand/vanilla';
import { serialiseError } from '../../main/contract/errors.ts';

/** Something that happened and that the person should know. Errors stay until dismissed. */
interface Notice {
  readonly id: number;
  readonly kind: 'error' | 'done';
  readonly message: string;
  /** What to do about it; empty where nothing is needed. */
  readonly remedy: string;
}

interface NoticesState {
  readonly notices: readonly Notice[];
  readonly report: (error: unknown) => void;
  readonly tell: (message: string, remedy?: string) => void;
  readonly dismiss: (id: number) => void;
}

/** More would hide the window; the oldest go first. */
const MAX_NOTICES = 4;

export const createNoticesStore = () => {
  let next = 1;
  return createStore<NoticesState>()((set) => {
    const add = (notice: Omit<Notice, 'id'>): void => {
      const id = next;
      next += 1;
      set(({ notices }) => ({
        notices: [...notices.filter((known) => known.message !== notice.message), { ...notice, id }].slice(
          -MAX_NOTICES,
        ),
      }));
    };
    return {
      notices: [],
      report: (error) => {
        const { kind, message, remedy } = serialiseError(error);
        if (kind !== 'cancelled') add({ kind: 'error', message, remedy });
      },
      tell: (message, remedy = '') => add({ kind: 'done', message, remedy }),
      dismiss: (id) => set(({ notices }) => ({ notices: notices.filter((notice) => notice.id !== id) })),
    };
  });
};

export const noticesStore = createNoticesStore();
