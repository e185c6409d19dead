import type { Engine } from '../../renderer/engine/engine-context.tsx';
import { QueryCache } from '../../renderer/engine/query-cache.ts';

/** A connected engine of a browser whose calls `call` answers, without events. */
export const engineOf = (call: Engine['bridge']['call']): Engine => ({
  bridge: {
    call,
    subscribe: () => () => undefined,
    host: 'browser',
    shell: null,
    saveFile: () => Promise.resolve(true),
    status: { get: () => ({ state: 'connected' }), subscribe: () => () => undefined },
  },
  cache: new QueryCache(call),
});
