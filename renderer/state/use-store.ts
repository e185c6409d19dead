import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { StoreApi } from 'zustand/vanilla';

/** Part of a store; drawn again only when the part changes (compared member by member). */
export const usePart = <S, P>(store: StoreApi<S>, part: (state: S) => P): P => useStore(store, useShallow(part));
